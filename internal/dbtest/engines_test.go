package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// An engine is a database that tokens are kept in, as one of its drivers reaches it.
type engine struct {
	name    string
	driver  string
	dialect sqlstore.Dialect

	// fresh makes a database, or a schema of one, that is empty, and returns the DSN with which the driver reaches it.
	fresh func(t testing.TB) string
}

// The engines, each with a driver as a host would open it.
var (
	sqliteEngine   = engine{"SQLite", "sqlite", sqlstore.SQLite, freshFile("")}
	postgresEngine = engine{"PostgreSQL", "pgx", sqlstore.PostgreSQL, freshSchema("")}
	mysqlEngine    = engine{"MariaDB", "mysql", sqlstore.MySQL, freshDatabase("", "")}
)

var engines = []engine{sqliteEngine, postgresEngine, mysqlEngine}

// variants are the engines with all drivers and with settings that a host may have, some of them hostile: what is kept must not depend on them.
var variants = []engine{
	{"SQLite, nothing set", "sqlite", sqlstore.SQLite, freshFile("?")},
	{"SQLite, WAL and patience", "sqlite", sqlstore.SQLite, freshFile(wal)},
	{"SQLite, ncruces", "sqlite3", sqlstore.SQLite, freshFile(wal)},
	{"SQLite, table prefix", "sqlite", sqlstore.SQLite.TablePrefix("acme_auth_"), freshFile(wal)},
	{"PostgreSQL, pgx", "pgx", sqlstore.PostgreSQL, freshSchema("")},
	{"PostgreSQL, lib/pq", "postgres", sqlstore.PostgreSQL, freshSchema("")},
	{"PostgreSQL, table prefix", "pgx", sqlstore.PostgreSQL.TablePrefix("_7"), freshSchema("")},
	{"PostgreSQL, simple protocol", "pgx", sqlstore.PostgreSQL, freshSchema("default_query_exec_mode=simple_protocol")},
	{"PostgreSQL, hostile", "pgx", sqlstore.PostgreSQL, hostileSchema(
		"default_query_exec_mode=exec&TimeZone=Asia/Kathmandu&DateStyle=SQL,DMY&default_transaction_isolation=serializable&synchronous_commit=off")},
	{"PostgreSQL, lib/pq, hostile", "postgres", sqlstore.PostgreSQL, hostileSchema(
		"TimeZone=Asia/Kathmandu&default_transaction_isolation=repeatable+read&synchronous_commit=off&bytea_output=escape&standard_conforming_strings=off")},
	{"MariaDB, bare", "mysql", sqlstore.MySQL, freshDatabase("", "")},
	{"MariaDB, table prefix", "mysql", sqlstore.MySQL.TablePrefix("acme_auth_"), freshDatabase("", "")},
	{"MariaDB, options", "mysql", sqlstore.MySQL, freshDatabase("", "parseTime=true&clientFoundRows=true&interpolateParams=true")},
	{"MariaDB, hostile", "mysql", sqlstore.MySQL, freshDatabase("CHARACTER SET latin1 COLLATE latin1_swedish_ci", hostileMySQL)},
	{"MariaDB, interpolating, hostile", "mysql", sqlstore.MySQL, freshDatabase("CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
		"interpolateParams=true&loc=Asia%2FKathmandu&parseTime=true&"+hostileMySQL)},
}

// hostileMySQL sets a session that cuts, coerces, folds and converts what it can.
const hostileMySQL = "sql_mode=%27ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH%27&time_zone=%27%2B05:45%27" +
	"&charset=latin1&collation_connection=latin1_german1_ci&tx_isolation=%27READ-UNCOMMITTED%27"

// placeholder returns a statement that is written with ?, in the way of e.
func (e engine) placeholder(statement string) string {
	if e.dialect.String() != "postgres" {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, c := range statement {
		if c == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// open opens a database that fresh made, for as long as the test runs.
func (e engine) open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(e.driver, dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)               // as a host would, for a connection costs a server more than a check
	t.Cleanup(func() { _ = db.Close() }) // whose server may be gone
	return db
}

// store returns a Store with its tables on db.
func (e engine) store(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, e.dialect)
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// emptied returns a func that opens the same database again and again, each time with empty tables.
func (e engine) emptied(t *testing.T, connections int) func(t *testing.T) hallpass.Store {
	db := e.open(t, e.fresh(t))
	db.SetMaxOpenConns(connections)
	store := e.store(t, db)
	return func(t *testing.T) hallpass.Store {
		for _, table := range []string{"tokens", "uses"} {
			must(t, db, "DELETE FROM "+e.table(table))
		}
		return store
	}
}

// table returns the name of a table.
func (e engine) table(name string) string {
	if _, prefix, ok := strings.Cut(string(e.dialect), "prefix="); ok {
		return prefix + name
	}
	return "hallpass_" + name
}

// onEach runs a test on each of some engines.
func onEach(t *testing.T, all []engine, test func(t *testing.T, e engine)) {
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func freshFile(options string) func(testing.TB) string {
	if options == "" {
		options = wal
	}
	return func(t testing.TB) string { return uri(newFile(t), options) }
}

// The servers to test on, and where they are if the environment says nothing.
var (
	postgresDSN = server{"HALLPASS_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "pgx"}
	mysqlDSN    = server{"HALLPASS_MYSQL", "root@tcp(127.0.0.1:3306)/", "mysql"}
)

// A server is one that a DSN leads to.
type server struct{ variable, fallback, driver string }

// dsn returns the DSN of a server that answers. Without one the test is skipped, or fails if CI is set.
func (s server) dsn(t testing.TB) string {
	t.Helper()
	dsn := os.Getenv(s.variable)
	if dsn == "" {
		dsn = s.fallback
	}
	if err := answers(s.driver, dsn); err != nil {
		text := fmt.Sprintf("there is no server to test on (%v); start one, or set %s to a DSN like %s", err, s.variable, s.fallback)
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return dsn
}

// answers asks a server once in the life of the process.
func answers(driver, dsn string) error {
	asked, _ := servers.LoadOrStore(dsn, sync.OnceValue(func() error {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Ping()
	}))
	return asked.(func() error)()
}

var (
	servers sync.Map // of func() error, by DSN
	names   atomic.Int64
)

// newName returns a name for a schema or a database that no other test has.
func newName() string { return fmt.Sprintf("hallpass_test_%d_%d", os.Getpid(), names.Add(1)) }

// administer executes statements on a server, now and when the test ends.
func administer(t testing.TB, driver, dsn string, before []string, after ...string) {
	t.Helper()
	run := func(statements []string) error {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		for _, s := range statements {
			if _, err := db.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}
	require.NoError(t, run(before))
	t.Cleanup(func() { require.NoError(t, run(after)) })
}

// freshSchema makes a schema on the PostgreSQL server.
func freshSchema(options string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		return schemaIn(t, postgresDSN.dsn(t), options)
	}
}

func schemaIn(t testing.TB, dsn, options string) string {
	t.Helper()
	name := newName()
	administer(t, "pgx", dsn, []string{"CREATE SCHEMA " + name}, "DROP SCHEMA "+name+" CASCADE")
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	q, err := url.ParseQuery(options)
	require.NoError(t, err)
	all := u.Query()
	for key, values := range q {
		all[key] = values
	}
	all.Set("search_path", name)
	u.RawQuery = all.Encode()
	return u.String()
}

// hostileSchema makes a database whose encoding does not hold most of UTF-8.
func hostileSchema(options string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		dsn, name := postgresDSN.dsn(t), newName()
		administer(t, "pgx", dsn, []string{"CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"}, "DROP DATABASE "+name+" WITH (FORCE)")
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		u.Path = "/" + name
		return schemaIn(t, u.String(), options)
	}
}

// freshDatabase makes a database on the MariaDB server.
func freshDatabase(defaults, options string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		return databaseOn(t, mysqlDSN.dsn(t), defaults, options)
	}
}

func databaseOn(t testing.TB, dsn, defaults, options string) string {
	t.Helper()
	name := newName()
	administer(t, "mysql", dsn, []string{"CREATE DATABASE " + name + " " + defaults}, "DROP DATABASE "+name)
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.DBName = name
	text := cfg.FormatDSN()
	if options == "" {
		return text
	}
	if strings.Contains(text, "?") {
		return text + "&" + options
	}
	return text + "?" + options
}
