package dbtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// everyCallIsUnavailable sees to it that no call of an Authority on store does anything, whether it knows the token or not.
func everyCallIsUnavailable(t *testing.T, a *hallpass.Authority, token hallpass.Token, text string) {
	t.Helper()
	reads, writes := calls(t.Context(), a, token, text)
	allUnavailable(t, reads, writes)
}

func TestADatabaseOfAnotherDialectIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		for _, named := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.PostgreSQL, sqlstore.MySQL} {
			if named == e.dialect {
				continue
			}
			t.Run(e.name+" called "+named.String(), func(t *testing.T) {
				t.Parallel()
				db := e.open(t, e.fresh(t))
				keys := mustKeys(t, hallpass.GenerateKey())
				right := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: keys})
				token, text := issue(t, right, api)
				store, err := sqlstore.New(db, named)
				require.NoError(t, err)
				a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys})
				assert.Error(t, store.Migrate(t.Context()))
				assert.ErrorIs(t, store.Check(t.Context()), hallpass.ErrUnavailable)
				_, _, err = a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
				assert.ErrorIs(t, err, hallpass.ErrUnavailable)
				assert.ErrorIs(t, a.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable)
				_, err = a.Authenticate(t.Context(), text)
				assert.ErrorIs(t, err, hallpass.ErrUnavailable)
				_, err = right.Authenticate(t.Context(), text)
				assert.NoError(t, err, "what was not acknowledged was not done")
			})
		}
	}
}

func TestATableThatIsMissingOrForeignIsUnavailable(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		db := e.open(t, e.fresh(t))
		store, err := sqlstore.New(db, e.dialect)
		require.NoError(t, err)
		a := on(t, store)
		other := on(t, e.store(t, e.open(t, e.fresh(t))))
		token, text := issue(t, other, api)
		everyCallIsUnavailable(t, a, token, text)
		assert.ErrorContains(t, store.Check(t.Context()), "there is no table hallpass_schema; run Migrate")

		// Somebody else's table of the name is left alone, and nothing is made beside it.
		must(t, db, "CREATE TABLE hallpass_tokens (id INTEGER, mine VARCHAR(10))")
		must(t, db, "INSERT INTO hallpass_tokens VALUES (1, 'precious')")
		err = store.Migrate(t.Context())
		assert.ErrorContains(t, err, "column hallpass_tokens.created_at has type")
		assert.ErrorContains(t, err, "set a TablePrefix")
		everyCallIsUnavailable(t, a, token, text)
		assert.Equal(t, 1, count(t, db, "hallpass_tokens"))
		_, err = db.ExecContext(t.Context(), "SELECT * FROM hallpass_uses")
		assert.Error(t, err, "nothing is made halfway")

		// Under a prefix it is in nobody's way.
		prefixed, err := sqlstore.New(db, e.dialect.TablePrefix("acme_"))
		require.NoError(t, err)
		require.NoError(t, prefixed.Migrate(t.Context()))
		worksOn(t, on(t, prefixed))
		assert.Equal(t, 1, count(t, db, "acme_tokens"))

		// A version table of somebody else's is no better.
		must(t, db, "DROP TABLE hallpass_tokens")
		must(t, db, "CREATE TABLE hallpass_schema (mine INTEGER)")
		assert.ErrorContains(t, store.Migrate(t.Context()), "version")
	})
}

func TestCheckNamesAColumnOfAnotherTypeOnServers(t *testing.T) {
	t.Parallel()
	onEach(t, []engine{postgresEngine, mysqlEngine}, func(t *testing.T, e engine) {
		db := e.open(t, e.fresh(t))
		store := e.store(t, db)
		for _, c := range []struct{ column, to, back, says string }{
			{"name", "VARCHAR(128)", "", "hallpass_tokens.name"}, {"id", "CHAR(64)", "", "hallpass_tokens.id"}, {"key_id", "SMALLINT", "", "hallpass_tokens.key_id"},
		} {
			if e.name == "PostgreSQL" {
				must(t, db, fmt.Sprintf("ALTER TABLE hallpass_tokens ALTER COLUMN %s TYPE %s USING NULL", c.column, c.to))
			} else {
				must(t, db, fmt.Sprintf("ALTER TABLE hallpass_tokens MODIFY %s %s NOT NULL", c.column, c.to))
			}
			err := store.Check(t.Context())
			assert.ErrorIs(t, err, hallpass.ErrUnavailable)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "it has to be")
			must(t, db, "DROP TABLE hallpass_tokens")
			must(t, db, "DROP TABLE hallpass_uses")
			must(t, db, "DROP TABLE hallpass_schema")
			require.NoError(t, store.Migrate(t.Context()))
			require.NoError(t, store.Check(t.Context()))
		}
		must(t, db, "DROP TABLE hallpass_uses")
		assert.ErrorContains(t, store.Check(t.Context()), "there is no table hallpass_uses")
	})
}

func TestANameThatIsNoTablePrefixIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), wal)
	for _, prefix := range []string{"", "7up_", "Acme_", "acme-", "a b", "a;", `"`, "ä_", strings.Repeat("a", 33), "x+lossy", "x+prefix=y"} {
		for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.PostgreSQL, sqlstore.MySQL.AllowLossyRevocation()} {
			_, err := sqlstore.New(db, d.TablePrefix(prefix))
			assert.ErrorIs(t, err, hallpass.ErrInvalid, prefix)
			assert.ErrorContains(t, err, "1 to 32 of [a-z0-9_]")
			assert.Empty(t, sqlstore.Schema(d.TablePrefix(prefix)))
			assert.Nil(t, sqlstore.Migrations(d.TablePrefix(prefix)))
		}
	}
	long := strings.Repeat("a", 32)
	assert.Equal(t, sqlstore.SQLite.TablePrefix(long), sqlstore.SQLite.TablePrefix("x_").TablePrefix(long), "the last one counts")
	assert.Equal(t, sqlstore.SQLite.AllowLossyRevocation().TablePrefix(long), sqlstore.SQLite.TablePrefix(long).AllowLossyRevocation().AllowLossyRevocation())
	onEach(t, engines, func(t *testing.T, e engine) {
		e.dialect = e.dialect.TablePrefix(long)
		db := e.open(t, e.fresh(t))
		store := e.store(t, db)
		require.NoError(t, store.Migrate(t.Context()))
		worksOn(t, on(t, store))
		assert.Equal(t, e.dialect.String(), e.dialect.AllowLossyRevocation().String())
	})
}

// A check that has to wait for a table ends with its context.
func TestAContextThatEndsInTheMiddleIsUnavailable(t *testing.T) {
	t.Parallel()
	pq := engine{"lib/pq", "postgres", sqlstore.PostgreSQL, postgresEngine.fresh}
	for e, c := range map[*engine]struct{ lock, unlock string }{
		&postgresEngine: {"BEGIN; LOCK TABLE hallpass_tokens IN ACCESS EXCLUSIVE MODE", "ROLLBACK"},
		&pq:             {"BEGIN; LOCK TABLE hallpass_tokens IN ACCESS EXCLUSIVE MODE", "ROLLBACK"},
		&mysqlEngine:    {"LOCK TABLES hallpass_tokens WRITE", "UNLOCK TABLES"},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			dsn := e.fresh(t)
			db := e.open(t, dsn)
			db.SetMaxOpenConns(2)
			a := on(t, e.store(t, db))
			token, text := issue(t, a, api)
			conn, err := e.open(t, dsn).Conn(t.Context())
			require.NoError(t, err)
			must(t, conn, c.lock)
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				begin := time.Now()
				reads, writes := calls(ctx, a, token, text)
				cancel()
				allUnavailable(t, reads, writes)
				assert.Less(t, time.Since(begin), 10*time.Second)
				for what, err := range reads {
					if what != "last used" { // which no token has yet
						assert.ErrorIs(t, err, context.DeadlineExceeded, what)
					}
				}
			}
			// A write that is alone says so too, with a driver that does not.
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, _, err = a.Issue(ctx, grant(api, hallpass.RepositoryRead))
			assert.ErrorIs(t, err, hallpass.ErrUnavailable)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			must(t, conn, c.unlock)
			require.NoError(t, conn.Close())
			_, err = a.Authenticate(t.Context(), text)
			if err != nil { // a revocation that was given up may have been made after all
				assert.Equal(t, hallpass.ErrUnauthenticated, err)
			}
			worksOn(t, a)
		})
	}
}

// A disk that is full is one whose database may not grow.
func TestAFullDiskIsUnavailable(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := open(t, file, careful)
	db.SetMaxOpenConns(1)
	a := on(t, migrated(t, db))
	token, text := issue(t, a, api)
	must(t, db, "PRAGMA max_page_count = 1")
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		_, _, err = a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	}
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorContains(t, err, "full")
	_, err = a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	if err := a.Revoke(t.Context(), acme, token.ID); err != nil {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		must(t, db, "PRAGMA max_page_count = 100000")
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	}
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
}
