package dbtest

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// load puts n sound tokens into the tables of e, many times as fast as they could be issued one by one, and returns their texts. The i-th is
// bound to what resource says. They are for an Authority with these keys.
func load(t testing.TB, e engine, db *sql.DB, keys hallpass.Keys, n int, resource func(i int) hallpass.Resource) (texts []string) {
	t.Helper()
	records, texts := minted(t, keys, n, resource)
	// By the ID, with which a text begins, so that pages are filled one after the other.
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(texts[i], texts[j]) })

	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // what it was set to is not for the pool
		_ = conn.Close()
	}()
	settings := map[string]string{
		"sqlite":   "PRAGMA synchronous = OFF; PRAGMA cache_size = -500000",
		"postgres": "SET synchronous_commit = off",
		"mysql":    "SET unique_checks = 0",
	}
	must(t, conn, settings[e.dialect.String()])
	const rows, committed = 100, 20_000 // of a statement, of a transaction
	for some := range slices.Chunk(order, committed) {
		tx, err := conn.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		insert, err := tx.PrepareContext(t.Context(), e.inserting(rows))
		require.NoError(t, err)
		for few := range slices.Chunk(some, rows) {
			args := make([]any, 0, 16*rows)
			for _, i := range few {
				args = e.appendRow(args, records[i].record(t))
			}
			if len(few) == rows {
				_, err = insert.ExecContext(t.Context(), args...)
			} else {
				_, err = tx.ExecContext(t.Context(), e.inserting(len(few)), args...)
			}
			require.NoError(t, err)
		}
		require.NoError(t, tx.Commit())
	}
	return texts
}

// inserting is a statement that inserts rows of tokens.
func (e engine) inserting(rows int) string {
	row := ", (?" + strings.Repeat(", ?", 15) + ")"
	return e.placeholder("INSERT INTO " + e.table("tokens") + ` (id, name, workspace, project, repository, scope, created_by, created_at, revoked_at,
		replaces, replaced_by, extra, verifier, seal, key_id, format) VALUES ` + strings.Repeat(row, rows)[2:])
}

// appendRow appends the parameters of a row of inserting.
func (e engine) appendRow(args []any, r *hallpass.Record) []any {
	bytes := e.driver != "sqlite"
	text := func(s string) any {
		if bytes {
			return []byte(s)
		}
		return s
	}
	micros := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMicro()
	}
	t := &r.Token
	return append(args, text(string(t.ID)), text(t.Name), text(t.Resource.Workspace()), text(t.Resource.Project()), text(t.Resource.Repository()),
		text(r.ScopeText), text(t.CreatedBy), micros(t.CreatedAt), micros(t.RevokedAt), text(string(t.Replaces)), text(string(t.ReplacedBy)),
		text(r.Extra), r.Verifier[:], r.Seal[:], int64(r.KeyID), int64(r.Format))
}

// minted returns the records of n tokens, each bound to what resource says, and their texts.
func minted(t testing.TB, keys hallpass.Keys, n int, resource func(i int) hallpass.Resource) (records []sealed, texts []string) {
	t.Helper()
	mint := &mint{}
	a := hallpasstest.With(t, hallpass.Config{Store: mint, Keys: keys})
	for i := range n {
		_, text := issue(t, a, resource(i))
		texts = append(texts, text)
	}
	return mint.records, texts
}

// A sealed is a record in the form in which a million of them do not keep the garbage collector busy.
type sealed []byte

func (s sealed) record(t testing.TB) *hallpass.Record {
	t.Helper()
	r := &hallpass.Record{}
	require.NoError(t, r.UnmarshalBinary(s))
	return r
}

// A mint is a Store that keeps what is issued for somebody else, and does nothing more.
type mint struct {
	hallpass.Store
	records []sealed
}

func (m *mint) Write(_ context.Context, changes ...hallpass.Change) error {
	if len(changes) != 1 || changes[0].Old != nil {
		return errors.ErrUnsupported
	}
	record, err := changes[0].New.MarshalBinary()
	m.records = append(m.records, record)
	return err
}
