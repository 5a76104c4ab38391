package operations

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/internal/page"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// Every block of Go in the page stands in this package, so that what people copy compiles.
func TestThePageHasThisCode(t *testing.T) {
	page.HasCodeOf(t, "../../docs/operations.md", 6, "operations.go")
}

func TestTheRunbookWorks(t *testing.T) {
	ctx := t.Context()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "tokens.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	defer db.Close()
	oldKey, newKey := hallpass.GenerateKey(), hallpass.GenerateKey()
	open := func(current []byte, others ...[]byte) (*hallpass.Authority, func(hallpass.Grant) string) {
		keys, err := hallpass.NewKeys(current, others...)
		require.NoError(t, err)
		passes, store, err := Open(ctx, db, keys)
		require.NoError(t, err)
		return passes, func(g hallpass.Grant) string {
			secret, err := AddJob(ctx, db, store, passes, g)
			require.NoError(t, err)
			return secret.Reveal()
		}
	}
	passes, add := open(oldKey)
	_, err = db.ExecContext(ctx, "CREATE TABLE jobs (name TEXT, token TEXT)")
	require.NoError(t, err)
	api := hallpass.Repository("acme", "api")
	text := add(hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: api, Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	token, err := passes.Authenticate(ctx, text)
	require.NoError(t, err)

	// Uses are written when the host ends, too.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	FlushUses(ended, passes)
	last, err := passes.LastUsed(ctx, token.ID)
	require.NoError(t, err)
	assert.Len(t, last, 1)

	answer := httptest.NewRecorder()
	Ready(passes).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	assert.Equal(t, http.StatusOK, answer.Code)
	answer = httptest.NewRecorder()
	Ready(hallpasstest.With(t, hallpass.Config{Store: unmigrated(t)})).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/ready", nil))
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.False(t, strings.Contains(answer.Body.String(), "Migrate"), "strangers learn nothing")

	// Keys are rotated while the token works.
	passes, _ = open(newKey, oldKey)
	n, err := Outdated(ctx, passes)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	var kept hallpass.ID
	require.NoError(t, Reseal(ctx, passes, "", func(id hallpass.ID) { kept = id }))
	assert.Equal(t, token.ID, kept)
	n, err = Outdated(ctx, passes)
	require.NoError(t, err)
	assert.Zero(t, n)
	passes, _ = open(newKey)
	_, err = passes.Authenticate(ctx, text)
	require.NoError(t, err)

	// What was revoked after the backup was made is revoked again.
	require.NoError(t, RevokeAgain(ctx, passes, []Revocation{{api, "00000000000000000000"}, {api, token.ID}, {api, token.ID}}))
	_, err = passes.Authenticate(ctx, text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	assert.ErrorIs(t, RevokeAgain(canceled, passes, []Revocation{{api, token.ID}}), hallpass.ErrUnavailable)
}

// unmigrated returns a store without tables.
func unmigrated(t *testing.T) hallpass.Store {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "empty.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	store, err := sqlstore.New(db, sqlstore.SQLite)
	require.NoError(t, err)
	return store
}
