package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

var (
	acme = hallpass.Workspace("acme")
	core = hallpass.Project("acme", "core")
	api  = hallpass.Repository("acme", "api")
)

const (
	patient = "?_pragma=busy_timeout(5000)"
	wal     = patient + "&_pragma=journal_mode(WAL)"
	careful = wal + "&_pragma=synchronous(FULL)" // fit for WithTx
	hasty   = wal + "&_pragma=synchronous(OFF)"  // for edits that nobody need keep
)

// newFile returns the name of a database that is not there yet.
func newFile(t testing.TB) string { return filepath.Join(t.TempDir(), "tokens.db") }

// uri names a file in the way of SQLite, in which some bytes mean something else.
func uri(file, options string) string {
	return "file:" + strings.ReplaceAll(file, "#", "%23") + options
}

// open opens a database, for as long as the test runs.
func open(t testing.TB, file, options string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", uri(file, options))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// migrated returns a Store on db, with its tables.
func migrated(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store := storeOn(t, db)
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

func storeOn(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, sqlstore.SQLite)
	require.NoError(t, err)
	return store
}

// grant is a sound Grant.
func grant(r hallpass.Resource, permissions ...hallpass.Permission) hallpass.Grant {
	return hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: r, Permissions: permissions}
}

// issue issues a token for reading and returns it with its text.
func issue(t testing.TB, i interface {
	Issue(context.Context, hallpass.Grant) (hallpass.Token, hallpass.Secret, error)
}, r hallpass.Resource) (hallpass.Token, string) {
	t.Helper()
	token, secret, err := i.Issue(t.Context(), grant(r, hallpass.RepositoryRead))
	require.NoError(t, err)
	return token, secret.Reveal()
}

// mustKeys returns the keys of these materials.
func mustKeys(t testing.TB, current []byte, others ...[]byte) hallpass.Keys {
	t.Helper()
	keys, err := hallpass.NewKeys(current, others...)
	require.NoError(t, err)
	return keys
}

// on returns an Authority with a key of its own.
func on(t testing.TB, store hallpass.Store) *hallpass.Authority {
	t.Helper()
	return hallpasstest.With(t, hallpass.Config{Store: store})
}

// A log collects audit events.
type log struct {
	mu     sync.Mutex
	events []hallpass.Event
}

func (l *log) observe(_ context.Context, e hallpass.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// take returns the events since the last take.
func (l *log) take() []hallpass.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// one returns the only event since the last take.
func (l *log) one(t testing.TB) hallpass.Event {
	t.Helper()
	events := l.take()
	require.Len(t, events, 1)
	return events[0]
}

// collect returns what Verify or Reseal yields.
func collect(seq iter.Seq2[hallpass.ID, error]) map[hallpass.ID]error {
	all := map[hallpass.ID]error{}
	for id, err := range seq {
		all[id] = err
	}
	return all
}

// list returns the IDs that List yields, and ends the test at an error.
func list(t testing.TB, a *hallpass.Authority, within hallpass.Resource, opts hallpass.ListOptions) (ids []hallpass.ID) {
	t.Helper()
	for token, err := range a.List(t.Context(), within, opts) {
		require.NoError(t, err)
		ids = append(ids, token.ID)
	}
	return ids
}

// An executor is a *sql.DB, a *sql.Conn or a *sql.Tx.
type executor interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// must executes statements.
func must(t testing.TB, db executor, statement string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err, statement)
}

// count returns the number of rows of a table.
func count(t testing.TB, db *sql.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// columnsOf returns the columns of a table, with their types.
func columnsOf(t testing.TB, db *sql.DB, table string) (names, kinds []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT name, type FROM pragma_table_info(?)", table)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, kind string
		require.NoError(t, rows.Scan(&name, &kind))
		names, kinds = append(names, name), append(kinds, kind)
	}
	require.NoError(t, rows.Err())
	return names, kinds
}

// dump returns all that is in a table, with the types of the values.
func dump(t testing.TB, db *sql.DB, table string) []string {
	t.Helper()
	names, _ := columnsOf(t, db, table)
	return texts(t, db, dumping(table, names))
}

// dumping is the statement of dump.
func dumping(table string, names []string) string {
	expression := "''"
	for _, name := range names {
		expression += fmt.Sprintf(" || typeof(%[1]s) || ' ' || coalesce(hex(CAST(%[1]s AS BLOB)), '') || ' '", name)
	}
	return "SELECT " + expression + " AS line FROM " + table + " ORDER BY line"
}

// texts returns what a statement with one column selects.
func texts(t testing.TB, db *sql.DB, statement string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		all = append(all, line)
	}
	require.NoError(t, rows.Err())
	return all
}

// plan returns how SQLite would execute a statement.
func plan(t testing.TB, db *sql.DB, s statement) (steps []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+s.text, s.args...)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused any
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(t, rows.Err())
	return steps
}
