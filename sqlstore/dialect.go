package sqlstore

import (
	"fmt"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// A Dialect says which database a [Store] talks to, and how. The caller is responsible for naming the one that its *sql.DB is
// connected to: hallpass looks at no driver. The zero Dialect is refused.
type Dialect string

// The dialects.
const (
	// SQLite is SQLite 3.37 or later, through any driver. It works with every DSN; where several processes write, WAL is kindest
	// to readers.
	SQLite Dialect = "sqlite"

	// PostgreSQL is PostgreSQL 12 or later, through pgx or lib/pq. It works with every DSN and every encoding of the database.
	PostgreSQL Dialect = "postgres"

	// MySQL is MariaDB 10.4 or later, or MySQL 8, with InnoDB, through go-sql-driver/mysql. It works with every DSN
	// that leaves autocommit on, in every character set and sql_mode.
	MySQL Dialect = "mysql"
)

// What follows the name in a Dialect that was told more. A Dialect is a text so that it can be a constant, and a host can keep it in its
// configuration.
const (
	lossyMark  = "+lossy"
	prefixMark = "+prefix="
)

// AllowLossyRevocation returns d for a database on which a revocation that was acknowledged may be lost when the machine
// stops, because it is set up to acknowledge before it has written. Without it, such a database is refused when something is written.
// It allows nothing else.
func (d Dialect) AllowLossyRevocation() Dialect {
	if d.lossy() {
		return d
	}
	name, rest, _ := strings.Cut(string(d), "+")
	if rest != "" {
		rest = "+" + rest
	}
	return Dialect(name + lossyMark + rest)
}

// TablePrefix returns d for tables whose names begin with prefix in the place of "hallpass_", for a host whose tables have a
// prefix of their own, or that keeps several sets of tokens in one database. It is 1 to 32 of [a-z0-9_] and begins with no digit; [New]
// refuses any other.
func (d Dialect) TablePrefix(prefix string) Dialect {
	before, _, _ := strings.Cut(string(d), prefixMark)
	return Dialect(before + prefixMark + prefix)
}

// String returns the name of the database, and "" if it is not known.
func (d Dialect) String() string { return d.engine().name }

// lossy reports whether AllowLossyRevocation was said.
func (d Dialect) lossy() bool {
	before, _, _ := strings.Cut(string(d), prefixMark)
	return strings.HasSuffix(before, lossyMark)
}

const defaultPrefix = "hallpass_"

// prefix returns what the names of the tables begin with.
func (d Dialect) prefix() string {
	if _, prefix, ok := strings.Cut(string(d), prefixMark); ok {
		return prefix
	}
	return defaultPrefix
}

// named returns a statement or a name with the prefix of d.
func (d Dialect) named(statement string) string {
	return strings.ReplaceAll(statement, defaultPrefix, d.prefix())
}

// validate says what is wrong with d.
func (d Dialect) validate() error {
	if d.engine().name == "" {
		return fmt.Errorf("%w: an unknown dialect; give sqlstore.SQLite, sqlstore.PostgreSQL or sqlstore.MySQL", hallpass.ErrInvalid)
	}
	p := d.prefix()
	if p == "" || len(p) > 32 || p[0] >= '0' && p[0] <= '9' || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return fmt.Errorf("%w: the table prefix %.32q; it is 1 to 32 of [a-z0-9_] and begins with no digit", hallpass.ErrInvalid, p)
	}
	return nil
}

// engine returns what is particular to the database, and the zero engine for one that is not known.
func (d Dialect) engine() engine {
	before, _, _ := strings.Cut(string(d), prefixMark)
	switch Dialect(strings.TrimSuffix(before, lossyMark)) {
	case SQLite:
		return sqlite()
	case PostgreSQL:
		return postgres()
	case MySQL:
		return mysql()
	}
	return engine{}
}
