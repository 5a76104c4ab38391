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
	// By the primary key, so that pages are filled one after the other.
	slices.SortFunc(records, func(a, b *hallpass.Record) int { return cmp.Compare(a.Token.ID, b.Token.ID) })

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
	for some := range slices.Chunk(records, committed) {
		tx, err := conn.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		insert, err := tx.PrepareContext(t.Context(), e.inserting(rows))
		require.NoError(t, err)
		for few := range slices.Chunk(some, rows) {
			if len(few) < rows {
				must(t, tx, e.inserting(len(few)), e.columns(few...)...)
				continue
			}
			_, err := insert.ExecContext(t.Context(), e.columns(few...)...)
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

// columns returns the parameters of inserting.
func (e engine) columns(records ...*hallpass.Record) []any {
	args := make([]any, 0, 16*len(records))
	text := func(s string) any {
		if e.dialect.String() == "sqlite" {
			return s
		}
		return []byte(s)
	}
	micros := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMicro()
	}
	for _, r := range records {
		t := &r.Token
		args = append(args, text(string(t.ID)), text(t.Name), text(t.Resource.Workspace()), text(t.Resource.Project()), text(t.Resource.Repository()),
			text(r.ScopeText), text(t.CreatedBy), micros(t.CreatedAt), micros(t.RevokedAt), text(string(t.Replaces)), text(string(t.ReplacedBy)),
			text(r.Extra), r.Verifier[:], r.Seal[:], int64(r.KeyID), int64(r.Format))
	}
	return args
}

// minted returns the records of n tokens, each bound to what resource says, and their texts.
func minted(t testing.TB, keys hallpass.Keys, n int, resource func(i int) hallpass.Resource) (records []*hallpass.Record, texts []string) {
	t.Helper()
	mint := &mint{}
	a := hallpasstest.With(t, hallpass.Config{Store: mint, Keys: keys})
	for i := range n {
		_, text := issue(t, a, resource(i))
		texts = append(texts, text)
	}
	return mint.records, texts
}

// A mint is a Store that keeps what is issued for somebody else, and does nothing more.
type mint struct {
	hallpass.Store
	records []*hallpass.Record
}

func (m *mint) Write(_ context.Context, changes ...hallpass.Change) error {
	if len(changes) != 1 || changes[0].Old != nil {
		return errors.ErrUnsupported
	}
	m.records = append(m.records, changes[0].New)
	return nil
}
