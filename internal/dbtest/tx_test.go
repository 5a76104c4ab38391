package dbtest

import (
	"context"
	"database/sql"
	"slices"
	"sync"
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
	e     engine
	db    *sql.DB
	store *sqlstore.Store
	a     *hallpass.Authority
	l     *log
}

func newHost(t *testing.T, e engine) *host {
	h := &host{db: e.open(t, e.fresh(t)), l: &log{}, e: e}
	h.db.SetMaxOpenConns(1)
	h.store = e.store(t, h.db)
	h.a = hallpasstest.With(t, hallpass.Config{Store: h.store, Observe: h.l.observe})
	must(t, h.db, "CREATE TABLE jobs (token VARCHAR(128) NOT NULL)")
	return h
}

// onEachHost runs a test on a host on each engine.
func onEachHost(t *testing.T, test func(t *testing.T, h *host)) {
	all := slices.Clone(engines)
	all[0].fresh = freshFile(careful)
	onEach(t, all, func(t *testing.T, e engine) { test(t, newHost(t, e)) })
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
	onEachHost(t, func(t *testing.T, h *host) {
		tx, issuer, _ := h.begin(t)
		token, text := issue(t, issuer, api)
		must(t, tx, h.e.placeholder("INSERT INTO jobs VALUES (?)"), string(token.ID))
		require.NoError(t, tx.Commit())
		assert.Equal(t, 1, count(t, h.db, "jobs"))
		got, err := h.a.Authenticate(t.Context(), text)
		require.NoError(t, err)
		assert.True(t, got == token)

		tx, issuer, _ = h.begin(t)
		token, text = issue(t, issuer, api)
		must(t, tx, h.e.placeholder("INSERT INTO jobs VALUES (?)"), string(token.ID))
		require.NoError(t, tx.Rollback())
		assert.Equal(t, 1, count(t, h.db, "jobs"))
		assert.Equal(t, 1, count(t, h.db, "hallpass_tokens"))
		_, err = h.a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	})
}

func TestAWriteThatFailsLeavesTheTransactionUsable(t *testing.T) {
	t.Parallel()
	onEachHost(t, func(t *testing.T, h *host) {
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
	})
}

func TestAllOfAnIssuerWorksInATransaction(t *testing.T) {
	t.Parallel()
	for _, commits := range []bool{true, false} {
		onEachHost(t, func(t *testing.T, h *host) {
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
		})
	}
}

func TestATransactionThatIsOverIsUnavailable(t *testing.T) {
	t.Parallel()
	onEachHost(t, func(t *testing.T, h *host) {
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
	})
}

// What a transaction that began long ago has read of the tables is not what is there now.
func TestATransactionWorksOnWhatIsCommittedNow(t *testing.T) {
	t.Parallel()
	for _, e := range []engine{postgresEngine, mysqlEngine} {
		for _, level := range []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead} {
			t.Run(e.name+" "+level.String(), func(t *testing.T) {
				db := e.open(t, e.fresh(t))
				store := e.store(t, db)
				a := on(t, store)
				revoked, _ := issue(t, a, api)
				live, _ := issue(t, a, api)
				tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
				require.NoError(t, err)
				defer tx.Rollback()
				var n int
				require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT count(*) FROM hallpass_tokens").Scan(&n))
				require.NoError(t, a.Revoke(t.Context(), acme, revoked.ID))
				late, lateText := issue(t, a, api)
				_, laterText := issue(t, a, api)
				issuer := a.With(store.WithTx(tx))
				_, _, err = issuer.Rotate(t.Context(), acme, revoked.ID, 0)
				if e.name == "PostgreSQL" && level == sql.LevelRepeatableRead {
					assert.ErrorIs(t, err, hallpass.ErrUnavailable, "such a transaction has to begin again")
					return
				}
				assert.ErrorIs(t, err, hallpass.ErrConflict)
				require.NoError(t, issuer.Revoke(t.Context(), acme, live.ID))
				_, _, err = issuer.Rotate(t.Context(), acme, late.ID, 0)
				require.NoError(t, err)
				ended, err := issuer.RevokeAll(t.Context(), acme)
				require.NoError(t, err)
				assert.Equal(t, 2, ended, "the replacement, and what nobody has touched since")
				require.NoError(t, tx.Commit())
				for _, text := range []string{lateText, laterText} {
					_, err = a.Authenticate(t.Context(), text)
					assert.Equal(t, hallpass.ErrUnauthenticated, err)
				}
				assert.Empty(t, list(t, a, acme, hallpass.ListOptions{}))
			})
		}
	}
}

// Two transactions that wait for each other: the database ends one, which says so, and its host begins it again.
func TestADeadlockIsUnavailableAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	for _, e := range []engine{postgresEngine, mysqlEngine} {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t, e.fresh(t))
			store := e.store(t, db)
			a := on(t, store)
			one, oneText := issue(t, a, api)
			two, twoText := issue(t, a, api)
			revoke := func(ctx context.Context, first, second hallpass.Token, met func()) error {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					return err
				}
				defer tx.Rollback()
				issuer := a.With(store.WithTx(tx))
				if err := issuer.Revoke(ctx, acme, first.ID); err != nil {
					return err
				}
				met()
				if err := issuer.Revoke(ctx, acme, second.ID); err != nil {
					return err
				}
				return tx.Commit()
			}
			var both sync.WaitGroup
			both.Add(2)
			met := func() { both.Done(); both.Wait() }
			errs := make([]error, 2)
			var wg sync.WaitGroup
			wg.Go(func() { errs[0] = revoke(t.Context(), one, two, met) })
			wg.Go(func() { errs[1] = revoke(t.Context(), two, one, met) })
			wg.Wait()
			loser := slices.IndexFunc(errs, func(err error) bool { return err != nil })
			require.GreaterOrEqual(t, loser, 0)
			assert.NoError(t, errs[1-loser])
			assert.ErrorIs(t, errs[loser], hallpass.ErrUnavailable)
			assert.Regexp(t, "(?i)deadlock", errs[loser].Error())
			require.NoError(t, revoke(t.Context(), one, two, func() {}), "again")
			for _, text := range []string{oneText, twoText} {
				_, err := a.Authenticate(t.Context(), text)
				assert.Equal(t, hallpass.ErrUnauthenticated, err)
			}
		})
	}
}
