package dbtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// Whatever goes wrong in the middle of a migration, it can be done again, and then all is well.
func TestAMigrationThatFailedIsDoneAgain(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		dsn, total, failed := e.fresh(t), 0, 0
		plain := e.open(t, dsn)
		try := func(k kind, at int) (calls int) {
			db, faults := e.faultyDB(t, dsn, k, at)
			store, err := sqlstore.New(db, e.dialect)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			faults.cancel = cancel
			what := fmt.Sprintf("call %d %s", at, k)
			a := on(t, store)
			// As an Authority calls what may panic.
			err = promptly(t, what, func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						require.Equal(t, panics, k)
						err = errFault
					}
				}()
				return store.Migrate(ctx)
			})
			hit, calls := faults.heal()
			what = fmt.Sprintf("call %d, %s, %s: %v", at, hit, k, err)
			if err != nil {
				failed++
				require.NotEqual(t, dropped, k, what)
				require.NoError(t, promptly(t, what+"; again", func() error { return store.Migrate(t.Context()) }), what)
			}
			require.NoError(t, promptly(t, what+"; check", func() error { return a.Check(t.Context()) }), what)
			token, text := issue(t, a, api)
			require.NoError(t, a.Revoke(t.Context(), acme, token.ID), what)
			require.Equal(t, hallpass.ErrUnauthenticated, allow(t.Context(), a, text, api), what)
			require.NoError(t, db.Close())
			for _, table := range []string{"tokens", "uses", "schema"} {
				must(t, plain, "DROP TABLE "+e.table(table))
			}
			return calls
		}
		calls := try("", 0)
		for at := 1; at <= calls; at++ {
			for i, k := range kinds {
				if long() || (i+at)%len(kinds) == 0 {
					try(k, at)
					total++
				}
			}
		}
		t.Logf("%d faults in %d calls, after %d of which it was migrated again", total, calls, failed)
	})
}

// A driver that ends rows early without an error cannot be told from a database with fewer rows, so a read believes it: no row is no token, and a list is
// short. It allows nothing that is dead, and hides no more than it leaves out. RevokeAll does not believe it: it goes on until two passes in a row
// met the same tokens.
func TestRowsThatAreCutShortWidenNothing(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		h, total, believed := e.theatre(t), 0, 0
		for _, f := range feats {
			switch f.name {
			case "revoke all", "authorize live", "authorize revoked", "authorize unknown":
			default:
				continue
			}
			for at, hit := 1, "none yet"; hit != ""; at++ {
				s := h.set(t)
				db, faults := e.faultyDB(t, h.dsn, cutShort, at)
				store, err := sqlstore.New(db, e.dialect)
				require.NoError(t, err)
				s.a = h.authority(t, store)
				err = f.do(t.Context(), s)
				hit, _ = faults.heal()
				what := fmt.Sprintf("%s: call %d, %s: %v", f.name, at, hit, err)
				h.judge(t, what, s, f, err == nil, false)
				if err != nil && (f.name != "authorize live" || err != hallpass.ErrUnauthenticated) {
					require.ErrorIs(t, err, hallpass.ErrUnavailable, what)
				}
				if err == nil && hit == "next" {
					believed++
				}
				require.NoError(t, db.Close())
				total++
			}
		}
		t.Logf("%d calls, %d cut short without an error in the end", total, believed)
	})
}

// The test sees what it looks for: a store that takes an error of the database for success is found out.
func TestFaultsFindOutWhoIgnoresThem(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		h, caught := e.theatre(t), 0
		for at, hit := 1, "none yet"; hit != ""; at++ {
			s := h.set(t)
			db, faults := e.faultyDB(t, h.dsn, fails, at)
			store, err := sqlstore.New(db, e.dialect)
			require.NoError(t, err)
			a := h.authority(t, heedless{store})
			err = a.Revoke(t.Context(), s.w, s.live[0].ID)
			if hit, _ = faults.heal(); err == nil && allow(t.Context(), h.authority(t, h.store), s.live[0].Text, s.w) == nil {
				caught++
			}
			require.NoError(t, db.Close())
		}
		t.Logf("caught at %d calls", caught)
		assert.Positive(t, caught)
	})
}

// A heedless store takes every write for done.
type heedless struct{ hallpass.Store }

func (s heedless) Write(ctx context.Context, changes ...hallpass.Change) error {
	_ = s.Store.Write(ctx, changes...)
	return nil
}
