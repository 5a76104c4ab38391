package migratetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hallpass-go/hallpass/sqlstore"
)

// A database is one to make tables in.
type database struct {
	name    string
	driver  string
	dialect sqlstore.Dialect

	// fresh makes one that is empty, and returns its DSN.
	fresh func(t *testing.T) string

	// schema are statements that select what the database says of the tables whose names begin with the parameter.
	schema []string
}

var databases = []database{
	{"SQLite", "sqlite", sqlstore.SQLite, freshFile, []string{
		`SELECT coalesce(sql, name) FROM sqlite_schema WHERE substr(tbl_name, 1, length(?1)) = ?1 ORDER BY name`,
	}},
	{"PostgreSQL", "pgx", sqlstore.PostgreSQL, freshSchema, []string{
		`SELECT concat_ws(' ', relname, relkind, relpersistence, attnum, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef)
			FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
			WHERE relnamespace = current_schema()::regnamespace AND starts_with(relname, $1) AND attnum > 0 ORDER BY relname, attnum`,
		`SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = current_schema() AND starts_with(tablename, $1) ORDER BY indexname`,
		`SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			WHERE connamespace = current_schema()::regnamespace AND starts_with(conname, $1) ORDER BY conname`,
	}},
	{"MariaDB", "mysql", sqlstore.MySQL, freshDatabase, []string{
		`SELECT CONCAT_WS(' ', table_name, engine, row_format, create_options, table_comment) FROM information_schema.tables
			WHERE table_schema = DATABASE() AND LOCATE(?, table_name) = 1 ORDER BY table_name`,
		`SELECT CONCAT_WS(' ', table_name, ordinal_position, column_name, column_type, is_nullable, column_default, extra) FROM information_schema.columns
			WHERE table_schema = DATABASE() AND LOCATE(?, table_name) = 1 ORDER BY table_name, ordinal_position`,
		`SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, non_unique, index_type) FROM information_schema.statistics
			WHERE table_schema = DATABASE() AND LOCATE(?, table_name) = 1 ORDER BY table_name, index_name, seq_in_index`,
	}},
}

// prefix returns what the names of the tables begin with.
func (d database) prefix() string {
	if _, prefix, ok := strings.Cut(string(d.dialect), "prefix="); ok {
		return prefix
	}
	return "hallpass_"
}

// open opens a database, for as long as the test runs or until a tool closes it.
func (d database) open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (d database) store(t *testing.T, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, d.dialect)
	require.NoError(t, err)
	return store
}

// tables returns what the database says of the tables of hallpass, the names without their prefix, and the versions that these note.
func (d database) tables(t *testing.T, db *sql.DB) (all []string) {
	t.Helper()
	for _, statement := range d.schema {
		all = append(all, selected(t, db, statement, d.prefix())...)
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], d.prefix(), "")
	}
	if len(all) > 0 {
		all = append(all, selected(t, db, "SELECT version FROM "+d.prefix()+"schema ORDER BY version")...)
	}
	return all
}

// selected returns what a statement with one column selects.
func selected(t *testing.T, db *sql.DB, statement string, args ...any) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement, args...)
	require.NoError(t, err, statement)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		all = append(all, line)
	}
	require.NoError(t, rows.Err())
	return all
}

func freshFile(t *testing.T) string {
	return "file:" + filepath.Join(t.TempDir(), "tokens.db") + "?_pragma=busy_timeout(5000)"
}

func freshSchema(t *testing.T) string {
	t.Helper()
	dsn := server(t, "HALLPASS_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "pgx")
	name := newName()
	administer(t, "pgx", dsn, "CREATE SCHEMA "+name, "DROP SCHEMA "+name+" CASCADE")
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// freshDatabase makes a database on the MariaDB server. golang-migrate sends a file as a whole, which the DSN has to allow.
func freshDatabase(t *testing.T) string {
	t.Helper()
	dsn := server(t, "HALLPASS_MYSQL", "root@tcp(127.0.0.1:3306)/", "mysql")
	name := newName()
	administer(t, "mysql", dsn, "CREATE DATABASE "+name, "DROP DATABASE "+name)
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	cfg.DBName, cfg.MultiStatements = name, true
	return cfg.FormatDSN()
}

// server returns the DSN of a server that answers. Without one the test is skipped, or fails if CI is set.
func server(t *testing.T, variable, fallback, driver string) string {
	t.Helper()
	dsn := os.Getenv(variable)
	if dsn == "" {
		dsn = fallback
	}
	db, err := sql.Open(driver, dsn)
	if err == nil {
		defer db.Close()
		err = db.PingContext(t.Context())
	}
	if err != nil {
		text := fmt.Sprintf("there is no server to test on (%v); start one, or set %s to a DSN like %s", err, variable, fallback)
		if os.Getenv("CI") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return dsn
}

// newName returns a name for a schema or a database that no other test has.
func newName() string { return fmt.Sprintf("hallpass_test_%d_%d", os.Getpid(), names.Add(1)) }

var names atomic.Int64

// administer executes a statement on a server now, and another when the test ends.
func administer(t *testing.T, driver, dsn, before, after string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), before)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), after)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
}
