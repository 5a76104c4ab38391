package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

func synchronous(t *testing.T, db *sql.DB) (level int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level))
	return level
}

func TestAWriteWaitsForTheDiskWhateverTheConnectionSays(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"WAL", "DELETE", "TRUNCATE", "PERSIST"} {
		for level, name := range []string{"OFF", "NORMAL", "FULL", "EXTRA"} {
			t.Run(journal+" "+name, func(t *testing.T) {
				db, spy := spied(t, newFile(t), patient+"&_pragma=journal_mode("+journal+")&_pragma=synchronous("+name+")")
				db.SetMaxOpenConns(1)
				store := migrated(t, db)
				a := on(t, store)
				require.Equal(t, level, synchronous(t, db))
				token, _ := issue(t, a, api)
				spied := map[string]func() error{
					"issue":  func() error { _, _, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead)); return err },
					"revoke": func() error { return a.Revoke(t.Context(), acme, token.ID) },
					"a write that fails": func() error {
						r, err := store.Get(t.Context(), token.ID)
						require.NoError(t, err)
						require.Equal(t, hallpass.ErrExists, store.Write(t.Context(), hallpass.Change{New: r}))
						return nil
					},
				}
				for what, do := range spied {
					spy.take()
					require.NoError(t, do())
					statements := spy.take()
					begin := slices.IndexFunc(statements, func(s statement) bool { return strings.HasPrefix(s.text, "BEGIN") })
					require.Positive(t, begin, what)
					for _, s := range statements[begin:] {
						assert.Equal(t, statements[begin].conn, s.conn, what)
					}
					if level < 3 {
						assert.Equal(t, "PRAGMA synchronous = 3", statements[begin-1].text, what)
						assert.Equal(t, statements[begin].conn, statements[begin-1].conn, what)
						assert.Equal(t, fmt.Sprintf("PRAGMA synchronous = %d", level), statements[len(statements)-1].text, what)
					} else {
						assert.NotContains(t, statements[begin-1].text, "PRAGMA synchronous =", what)
					}
					assert.Equal(t, level, synchronous(t, db), "%s: the host's level is restored", what)
				}
				require.NoError(t, store.Check(t.Context()))
				assert.Equal(t, level, synchronous(t, db), "Check")
			})
		}
	}
}

func TestAJournalThatLosesRevocationsIsRefused(t *testing.T) {
	t.Parallel()
	for _, journal := range []string{"OFF", "MEMORY"} {
		file := newFile(t)
		db := open(t, file, patient+"&_pragma=journal_mode("+journal+")")
		db.SetMaxOpenConns(1)
		store := migrated(t, db)
		a := on(t, store)
		refused := func(err error) {
			t.Helper()
			assert.ErrorIs(t, err, hallpass.ErrUnavailable)
			assert.ErrorContains(t, err, "journal_mode = "+strings.ToLower(journal))
			assert.ErrorContains(t, err, "set it to WAL or DELETE")
			assert.ErrorContains(t, err, "AllowLossyRevocation")
		}
		_, _, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
		refused(err)
		refused(store.Check(t.Context()))
		refused(a.Check(t.Context()))
		assert.Zero(t, count(t, db, "hallpass_tokens"))

		lossy, err := sqlstore.New(db, sqlstore.SQLite.AllowLossyRevocation())
		require.NoError(t, err)
		b := hallpasstest.With(t, hallpass.Config{Store: lossy})
		require.NoError(t, b.Check(t.Context()))
		token, text := issue(t, b, api)
		require.NoError(t, b.Revoke(t.Context(), acme, token.ID))
		_, err = b.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	}
}

func TestLossyWritesLeaveTheLevelAlone(t *testing.T) {
	t.Parallel()
	db, spy := spied(t, newFile(t), hasty)
	migrated(t, db)
	store, err := sqlstore.New(db, sqlstore.SQLite.AllowLossyRevocation())
	require.NoError(t, err)
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	spy.take()
	issue(t, a, api)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	issue(t, a.With(store.WithTx(tx)), api)
	require.NoError(t, tx.Commit())
	for _, text := range spy.texts() {
		assert.NotContains(t, strings.ToLower(text), "pragma")
	}
}

func TestADatabaseInMemoryIsAccepted(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	store := migrated(t, db)
	a := on(t, store)
	require.NoError(t, a.Check(t.Context()))
	token, text := issue(t, a, api)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)

	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	issue(t, a.With(store.WithTx(tx)), api)
	require.NoError(t, tx.Commit())
}

func TestATransactionThatMayBeLostIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ options, says, set string }{
		{hasty, "synchronous = 0", "set it to FULL or EXTRA before the transaction"},
		{wal + "&_pragma=synchronous(NORMAL)", "synchronous = 1", "set it to FULL or EXTRA before the transaction"},
		{careful, "", ""},
		{wal + "&_pragma=synchronous(EXTRA)", "", ""},
		{patient + "&_pragma=journal_mode(MEMORY)", "journal_mode = memory", "set it to WAL or DELETE"},
		{patient + "&_pragma=journal_mode(OFF)", "journal_mode = off", "set it to WAL or DELETE"},
	} {
		db := open(t, newFile(t), c.options)
		db.SetMaxOpenConns(1)
		store := migrated(t, db)
		must(t, db, "CREATE TABLE jobs (name TEXT)")
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, _, err = on(t, store).With(store.WithTx(tx)).Issue(t.Context(), grant(api, hallpass.RepositoryRead))
		if c.says == "" {
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
			continue
		}
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorContains(t, err, c.says)
		assert.ErrorContains(t, err, c.set)
		assert.ErrorContains(t, err, "AllowLossyRevocation")
		must(t, tx, "INSERT INTO jobs VALUES ('deploy')")
		require.NoError(t, tx.Commit(), "the host's transaction goes on")
		assert.Equal(t, 1, count(t, db, "jobs"))
		assert.Zero(t, count(t, db, "hallpass_tokens"))
	}
}

// What the connection was set to is restored also when the context ends in the middle of a write.
func TestALevelIsRestoredAfterAContextEnds(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db := open(t, file, hasty)
	db.SetMaxOpenConns(1)
	a := on(t, migrated(t, db))
	other := open(t, file, wal)
	tx, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	must(t, tx, "INSERT INTO hallpass_uses VALUES ('x', 1)")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, _, err = a.Issue(ctx, grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	require.NoError(t, tx.Rollback())
	assert.Zero(t, synchronous(t, db))
	issue(t, a, api)
	assert.Equal(t, 1, count(t, db, "hallpass_tokens"))
}
