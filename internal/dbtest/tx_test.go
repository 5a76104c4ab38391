package dbtest

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A host has a table of its own, and one connection.
type host struct {
	db    *sql.DB
	store *sqlstore.Store
	a     *hallpass.Authority
	l     *log
}

func newHost(t *testing.T) *host {
	h := &host{db: open(t, newFile(t), careful), l: &log{}}
	h.db.SetMaxOpenConns(1)
	h.store = migrated(t, h.db)
	h.a = hallpasstest.With(t, hallpass.Config{Store: h.store, Observe: h.l.observe})
	must(t, h.db, "CREATE TABLE jobs (token TEXT NOT NULL)")
	return h
}

// begin begins a transaction and returns an Issuer in it.
func (h *host) begin(t *testing.T) (*sql.Tx, *hallpass.Issuer, hallpass.Store) {
	t.Helper()
	tx, err := h.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	store := h.store.WithTx(tx)
	return tx, h.a.With(store), store
}

func TestATokenIsCommittedWithTheRowItBelongsTo(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tx, issuer, _ := h.begin(t)
	token, text := issue(t, issuer, api)
	must(t, tx, "INSERT INTO jobs VALUES (?)", string(token.ID))
	require.NoError(t, tx.Commit())
	assert.Equal(t, 1, count(t, h.db, "jobs"))
	got, err := h.a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	assert.True(t, got == token)

	tx, issuer, _ = h.begin(t)
	token, text = issue(t, issuer, api)
	must(t, tx, "INSERT INTO jobs VALUES (?)", string(token.ID))
	require.NoError(t, tx.Rollback())
	assert.Equal(t, 1, count(t, h.db, "jobs"))
	assert.Equal(t, 1, count(t, h.db, "hallpass_tokens"))
	_, err = h.a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
}

func TestAWriteThatFailsLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	token, text := issue(t, h.a, api)
	r, err := h.store.Get(t.Context(), token.ID)
	require.NoError(t, err)
	changed, fresh, stranger := *r, *r, *r
	changed.Seal[0]++
	fresh.Token.ID, stranger.Token.ID = "fresh", "stranger"
	tx, issuer, store := h.begin(t)
	must(t, tx, "INSERT INTO jobs VALUES ('before')")
	for want, changes := range map[error][]hallpass.Change{
		hallpass.ErrExists:   {{New: &fresh}, {New: r}},
		hallpass.ErrConflict: {{New: &fresh}, {Old: &changed, New: r}},
		hallpass.ErrNotFound: {{New: &fresh}, {Old: r, New: &changed}, {Old: &stranger, New: &stranger}},
	} {
		assert.Equal(t, want, store.Write(t.Context(), changes...))
		_, err := store.Get(t.Context(), "fresh")
		assert.Equal(t, hallpass.ErrNotFound, err, "after %v", want)
		got, err := store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		assert.Equal(t, r, got, "after %v", want)
	}
	assert.ErrorIs(t, store.Write(t.Context(), hallpass.Change{}), hallpass.ErrInvalid)
	_, second := issue(t, issuer, api)
	must(t, tx, "INSERT INTO jobs VALUES ('after')")
	require.NoError(t, tx.Commit())
	assert.Equal(t, 2, count(t, h.db, "jobs"))
	assert.Equal(t, 2, count(t, h.db, "hallpass_tokens"))
	for _, text := range []string{text, second} {
		_, err := h.a.Authenticate(t.Context(), text)
		assert.NoError(t, err)
	}
}

func TestAllOfAnIssuerWorksInATransaction(t *testing.T) {
	t.Parallel()
	for _, commits := range []bool{true, false} {
		h := newHost(t)
		revoked, revokedText := issue(t, h.a, api)
		rotated, rotatedText := issue(t, h.a, api)
		_, coreText := issue(t, h.a, core)
		other, otherText := issue(t, h.a, hallpass.Repository("emca", "web"))
		tx, issuer, store := h.begin(t)
		require.NoError(t, issuer.Revoke(t.Context(), acme, revoked.ID))
		assert.Equal(t, hallpass.ErrNotFound, issuer.Revoke(t.Context(), acme, other.ID))
		fresh, secret, err := issuer.Rotate(t.Context(), acme, rotated.ID, 0)
		require.NoError(t, err)
		_, _, err = issuer.Rotate(t.Context(), acme, rotated.ID, time.Hour)
		assert.ErrorIs(t, err, hallpass.ErrConflict)
		n, err := issuer.RevokeAll(t.Context(), core)
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		seen := 0
		for r, err := range store.List(t.Context(), hallpass.Query{Within: acme}) {
			require.NoError(t, err)
			// The store can be used in between.
			again, err := store.Get(t.Context(), r.Token.ID)
			require.NoError(t, err)
			assert.Equal(t, r, again)
			seen++
		}
		assert.Equal(t, 4, seen)
		works := map[string]bool{revokedText: !commits, rotatedText: !commits, coreText: !commits, otherText: true, secret.Reveal(): commits}
		if commits {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
		for text, works := range works {
			_, err := h.a.Authenticate(t.Context(), text)
			assert.Equal(t, works, err == nil, "%v", err)
		}
		_, err = h.a.Get(t.Context(), acme, fresh.ID)
		assert.Equal(t, commits, err == nil)
		assert.Empty(t, collect(h.a.Verify(t.Context())))
	}
}

func TestATransactionThatIsOverIsUnavailable(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	token, _ := issue(t, h.a, api)
	tx, issuer, store := h.begin(t)
	require.NoError(t, tx.Commit())
	_, _, err := issuer.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, issuer.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable)
	_, err = issuer.RevokeAll(t.Context(), acme)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	_, err = store.Get(t.Context(), token.ID)
	assert.ErrorIs(t, err, sql.ErrTxDone)
}
