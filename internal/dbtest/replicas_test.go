package dbtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

func TestTenReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		for range 3 {
			dsn := e.fresh(t)
			begin := make(chan struct{})
			var wg sync.WaitGroup
			for range 10 {
				db := e.open(t, dsn)
				store, err := sqlstore.New(db, e.dialect)
				require.NoError(t, err)
				require.NoError(t, db.Ping())
				wg.Go(func() {
					<-begin
					assert.NoError(t, store.Migrate(t.Context()))
					assert.NoError(t, store.Check(t.Context()))
				})
			}
			close(begin)
			wg.Wait()
			assert.Equal(t, 1, count(t, e.open(t, dsn), "hallpass_schema"))
		}
	})
}

func TestAMigrationWaitsForAnother(t *testing.T) {
	t.Parallel()
	for e, c := range map[*engine]struct{ lock, unlock string }{
		&postgresEngine: {"BEGIN; SELECT pg_advisory_xact_lock(x'68616c6c70617373'::bigint)", "ROLLBACK"},
		&mysqlEngine:    {"DO GET_LOCK('hallpass migrate', 10)", "DO RELEASE_LOCK('hallpass migrate')"},
	} {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.fresh(t)
			db := e.open(t, dsn)
			store, err := sqlstore.New(db, e.dialect)
			require.NoError(t, err)
			other, err := e.open(t, dsn).Conn(t.Context())
			require.NoError(t, err)
			must(t, other, c.lock)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			assert.ErrorIs(t, store.Migrate(ctx), context.DeadlineExceeded)
			assert.ErrorContains(t, store.Check(t.Context()), "there is no table")
			must(t, other, c.unlock)
			require.NoError(t, other.Close())
			require.NoError(t, store.Migrate(t.Context()))
			require.NoError(t, store.Migrate(t.Context()), "the lock is given back")
			require.NoError(t, store.Check(t.Context()))
		})
	}
}

// A migration that was interrupted after any of its statements is finished by the next call, also where each statement commits by itself.
func TestAMigrationThatWasInterruptedIsFinished(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		schema := sqlstore.Schema(e.dialect)
		statements := strings.Split(strings.TrimSpace(schema), ";\n")
		for done := range len(statements) {
			if done > 0 && e.dialect != sqlstore.MySQL {
				break // they are one transaction
			}
			db := e.open(t, e.fresh(t))
			for _, s := range statements[:done] {
				must(t, db, s)
			}
			store, err := sqlstore.New(db, e.dialect)
			require.NoError(t, err)
			require.NoError(t, store.Migrate(t.Context()))
			require.NoError(t, store.Check(t.Context()))
			assert.Equal(t, 1, count(t, db, "hallpass_schema"))
			worksOn(t, on(t, store))
		}
	})
}

func TestTheSchemaOfEveryEngineCanBeExecutedByHand(t *testing.T) {
	t.Parallel()
	onEach(t, variants, func(t *testing.T, e engine) {
		db := e.open(t, e.fresh(t))
		for s := range strings.SplitAfterSeq(strings.TrimSpace(sqlstore.Schema(e.dialect)), ";\n") {
			must(t, db, strings.TrimSuffix(strings.TrimSpace(s), ";"))
		}
		store, err := sqlstore.New(db, e.dialect)
		require.NoError(t, err)
		require.NoError(t, store.Check(t.Context()))
		require.NoError(t, store.Migrate(t.Context()))
		assert.Equal(t, 1, count(t, db, e.table("schema")))
		worksOn(t, on(t, store))
	})
}

func TestTablesOfALaterVersionStayAsTheyAre(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		db := e.open(t, e.fresh(t))
		store := e.store(t, db)
		must(t, db, "INSERT INTO hallpass_schema VALUES (999)")
		must(t, db, "ALTER TABLE hallpass_tokens ADD COLUMN later INTEGER NOT NULL DEFAULT 7")
		a := on(t, store)
		_, text := issue(t, a, api)
		require.NoError(t, store.Migrate(t.Context()))
		require.NoError(t, store.Check(t.Context()))
		_, err := a.Authenticate(t.Context(), text)
		require.NoError(t, err)
		worksOn(t, a)
	})
}

// Replicas note uses at the same time, in any order, and none waits for another for ever.
func TestReplicasNoteUsesAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		dsn, keys := e.fresh(t), mustKeys(t, hallpass.GenerateKey())
		ids, texts := crowd(t, e, dsn, keys, 500, repositories)
		before := time.Now().Truncate(time.Microsecond)
		var wg sync.WaitGroup
		for range 4 {
			a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, e.open(t, dsn)), Keys: keys})
			wg.Go(func() {
				for _, text := range texts[:450] {
					_, err := a.Authenticate(t.Context(), text)
					assert.NoError(t, err)
				}
				assert.NoError(t, a.FlushUses(t.Context()))
			})
		}
		wg.Wait()
		db := e.open(t, dsn)
		store := e.store(t, db)
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys})
		last, err := a.LastUsed(t.Context(), ids...)
		require.NoError(t, err)
		assert.Len(t, last, 450)
		for _, at := range last {
			require.WithinRange(t, at, before, time.Now())
		}
		at := time.UnixMicro(2_000_000_000_000_000).UTC()
		for _, d := range []time.Duration{0, time.Hour, -time.Hour} {
			require.NoError(t, store.RecordUses(t.Context(), []hallpass.Use{{ID: ids[0], At: at.Add(-time.Minute)}, {ID: ids[0], At: at.Add(d)}}))
		}
		uses, err := store.LastUses(t.Context(), ids[:1])
		require.NoError(t, err)
		assert.Equal(t, []hallpass.Use{{ID: ids[0], At: at.Add(time.Hour)}}, uses)
		assert.Empty(t, collect(a.Verify(t.Context())), "a use never touches a token")
		must(t, db, "DELETE FROM hallpass_uses")
		require.NoError(t, store.Check(t.Context()))
	})
}

// Listing in pages of any size meets each token once, also while others come and go.
func TestPagesAreStableUnderInserts(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		dsn, keys := e.fresh(t), mustKeys(t, hallpass.GenerateKey())
		ids, _ := crowd(t, e, dsn, keys, 300, repositories)
		a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, e.open(t, dsn)), Keys: keys})
		for _, size := range []int{1, 7, 256} {
			met := map[hallpass.ID]int{}
			opts := hallpass.ListOptions{Limit: size}
			for page := list(t, a, acme, opts); len(page) > 0; page = list(t, a, acme, opts) {
				for _, id := range page {
					met[id]++
				}
				opts.After = page[len(page)-1]
				if len(met)%10 == 0 {
					issue(t, a, hallpass.Repository("acme", fmt.Sprint("late", len(met))))
				}
			}
			for _, id := range ids {
				require.Equal(t, 1, met[id])
			}
			for _, n := range met {
				require.Equal(t, 1, n)
			}
		}
	})
}
