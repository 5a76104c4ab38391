package sqlstore

import (
	"context"
	"database/sql"
)

// A Dialect says which database a [Store] talks to. The caller is responsible for naming the one that its *sql.DB is
// connected to: hallpass looks at no driver. The zero Dialect is refused.
type Dialect uint8

// The dialects.
const (
	// SQLite is SQLite 3.37 or later, through any driver. It works with every DSN; where several processes write, WAL is kindest
	// to readers.
	SQLite Dialect = iota + 1
)

// lossy is the bit of a Dialect that AllowLossyRevocation sets.
const lossy Dialect = 1 << 7

// AllowLossyRevocation returns d for a database on which a revocation that was acknowledged may be lost when the machine
// stops, because it is set up to acknowledge before it has written. Without it, such a database is refused when something is written.
// It allows nothing else.
func (d Dialect) AllowLossyRevocation() Dialect { return d | lossy }

// String returns the name of the database.
func (d Dialect) String() string {
	if e := d.engine(); e != nil {
		return e.name()
	}
	return ""
}

// engine returns what is particular to the database, or nil for one that is not known.
func (d Dialect) engine() engine {
	switch d &^ lossy {
	case SQLite:
		return sqlite{}
	}
	return nil
}

// An engine is all that differs between databases.
type engine interface {
	name() string

	// rebind returns a statement, in which each ? stands for a parameter, in the way that the database writes it.
	rebind(statement string) string

	// recordUse is the statement that notes a use, of an ID and a time, unless a later one is known.
	recordUse() string

	// taken reports whether err says that a primary key is in use.
	taken(err error) bool

	// busy reports whether err says that somebody else is writing, that nothing was done, and that it is worth trying again.
	busy(err error) bool

	// durable sees to it that what conn commits from now on outlives a crash of the machine, or says why it would not. The
	// returned func takes back what it changed.
	durable(ctx context.Context, conn *sql.Conn) (undo func(), err error)

	// isDurable says why what the host's transaction commits would not outlive a crash of the machine.
	isDurable(ctx context.Context, tx querier) error

	// atomically runs work in a transaction on conn that nobody else's write gets into.
	atomically(ctx context.Context, conn *sql.Conn, work func() error) error

	// columns returns the type of each column of a table, none if there is no such table.
	columns(ctx context.Context, q querier, table string) (map[string]string, error)

	// types returns what columns should return of each table.
	types() map[string]map[string]string
}

// A querier is a *sql.DB, a *sql.Conn or a *sql.Tx.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
