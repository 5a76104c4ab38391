package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// hold holds the write lock of a database until release is called.
func hold(t *testing.T, file string) (release func()) {
	t.Helper()
	c, err := open(t, file, patient).Conn(t.Context())
	require.NoError(t, err)
	must(t, c, "BEGIN IMMEDIATE")
	must(t, c, "INSERT INTO hallpass_uses VALUES ('held', 1)")
	return func() {
		_, err := c.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK")
		assert.NoError(t, err)
		assert.NoError(t, c.Close())
	}
}

func TestAWriteWaitsForOthers(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{"no patience": "", "patience": patient, "WAL": wal, "WAL, no patience": "?_pragma=journal_mode(WAL)"} {
		t.Run(name, func(t *testing.T) {
			file := newFile(t)
			a := on(t, migrated(t, open(t, file, options)))
			token, text := issue(t, a, api)
			_, err := a.Authenticate(t.Context(), text)
			require.NoError(t, err)
			for what, write := range map[string]func(context.Context) error{
				"issue": func(ctx context.Context) error {
					_, _, err := a.Issue(ctx, grant(api, hallpass.RepositoryRead))
					return err
				},
				"revoke": func(ctx context.Context) error { return a.Revoke(ctx, acme, token.ID) },
				"flush":  a.FlushUses,
			} {
				release := hold(t, file)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				begin := time.Now()
				err := write(ctx)
				cancel()
				assert.ErrorIs(t, err, hallpass.ErrUnavailable, what)
				assert.Less(t, time.Since(begin), 2*time.Second, "%s: the context ended it", what)

				time.AfterFunc(300*time.Millisecond, release)
				begin = time.Now()
				assert.NoError(t, write(t.Context()), what)
				assert.Greater(t, time.Since(begin), 200*time.Millisecond, what)
			}
			_, err = a.Authenticate(t.Context(), text)
			assert.Equal(t, hallpass.ErrUnauthenticated, err)
		})
	}
}

// A check waits too, where a writer locks readers out, on a connection that knows the tables and on one that does not.
func TestACheckWaitsForALockedDatabase(t *testing.T) {
	t.Parallel()
	for _, warm := range []bool{true, false} {
		file := newFile(t)
		keys := mustKeys(t, hallpass.GenerateKey())
		a := hallpasstest.With(t, hallpass.Config{Store: migrated(t, open(t, file, "")), Keys: keys})
		_, text := issue(t, a, api)
		if !warm {
			a = hallpasstest.With(t, hallpass.Config{Store: storeOn(t, open(t, file, "")), Keys: keys})
		}
		c, err := open(t, file, "").Conn(t.Context())
		require.NoError(t, err)
		must(t, c, "BEGIN EXCLUSIVE")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = a.Authorize(ctx, text, api, hallpass.RepositoryRead)
		cancel()
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		time.AfterFunc(100*time.Millisecond, func() {
			_, err := c.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK")
			assert.NoError(t, err)
			assert.NoError(t, c.Close())
		})
		_, err = a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
		assert.NoError(t, err)
	}
}

// calls are all calls of an Authority that ask its store.
func calls(ctx context.Context, a *hallpass.Authority, token hallpass.Token, text string) (reads, writes map[string]error) {
	first := func(seq iter.Seq2[hallpass.ID, error]) (first error) {
		for _, err := range seq {
			first = errors.Join(first, err)
		}
		return first
	}
	reads, writes = map[string]error{}, map[string]error{}
	_, reads["authorize"] = a.Authorize(ctx, text, api, hallpass.RepositoryRead)
	_, reads["authenticate"] = a.Authenticate(ctx, text)
	reads["recheck"] = a.Recheck(ctx, token)
	_, reads["get"] = a.Get(ctx, acme, token.ID)
	for _, err := range a.List(ctx, acme, hallpass.ListOptions{}) {
		reads["list"] = err
	}
	reads["verify"] = first(a.Verify(ctx))
	reads["check"] = a.Check(ctx)
	_, reads["last used"] = a.LastUsed(ctx, token.ID)
	_, _, writes["issue"] = a.Issue(ctx, grant(api, hallpass.RepositoryRead))
	_, _, writes["rotate"] = a.Rotate(ctx, acme, token.ID, 0)
	writes["revoke"] = a.Revoke(ctx, acme, token.ID)
	_, writes["revoke exposed"] = a.RevokeExposed(ctx, text)
	_, writes["revoke all"] = a.RevokeAll(ctx, acme)
	return reads, writes
}

func allUnavailable(t *testing.T, results ...map[string]error) {
	t.Helper()
	for _, r := range results {
		for what, err := range r {
			assert.ErrorIs(t, err, hallpass.ErrUnavailable, what)
			assert.NotErrorIs(t, err, hallpass.ErrUnauthenticated, what)
			assert.NotErrorIs(t, err, hallpass.ErrNotFound, what)
		}
	}
}

func TestNothingIsAllowedWithoutADatabase(t *testing.T) {
	t.Parallel()
	for what, destroy := range map[string]func(db *sql.DB, directory string) error{
		"closed": func(db *sql.DB, _ string) error { return db.Close() },
		"deleted": func(db *sql.DB, directory string) error {
			db.SetMaxIdleConns(0) // an open file outlives its directory
			return os.RemoveAll(directory)
		},
		"garbage": func(db *sql.DB, directory string) error {
			db.SetMaxIdleConns(0)
			return os.WriteFile(filepath.Join(directory, "tokens.db"), make([]byte, 20000), 0o600)
		},
		"no tables": func(db *sql.DB, _ string) error {
			_, err := db.ExecContext(t.Context(), "DROP TABLE hallpass_tokens; DROP TABLE hallpass_uses")
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			file := newFile(t)
			db := open(t, file, "")
			store := migrated(t, db)
			a := on(t, store)
			token, text := issue(t, a, api)
			_, err := a.Authenticate(t.Context(), text) // known as good
			require.NoError(t, err)
			require.NoError(t, destroy(db, filepath.Dir(file)))
			reads, writes := calls(t.Context(), a, token, text)
			allUnavailable(t, reads, writes)
			assert.ErrorIs(t, a.FlushUses(t.Context()), hallpass.ErrUnavailable)

			// Nor does one that knows nothing yet.
			fresh := on(t, storeOn(t, db))
			reads, writes = calls(t.Context(), fresh, token, text)
			allUnavailable(t, reads, writes)
			if what != "no tables" {
				assert.Error(t, store.Migrate(t.Context()))
			}
		})
	}
}

func TestWhatEndsItsContextIsUnavailable(t *testing.T) {
	t.Parallel()
	a := on(t, migrated(t, open(t, newFile(t), wal)))
	token, text := issue(t, a, api)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reads, writes := calls(ctx, a, token, text)
	allUnavailable(t, reads, writes)
	_, err = a.Authenticate(t.Context(), text)
	assert.NoError(t, err, "nothing was changed")
}

func TestADatabaseThatCannotBeWrittenStillChecks(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"?mode=ro", "?_pragma=query_only(1)"} {
		file := newFile(t)
		keys := mustKeys(t, hallpass.GenerateKey())
		issuer := hallpasstest.With(t, hallpass.Config{Store: migrated(t, open(t, file, "")), Keys: keys})
		token, text := issue(t, issuer, api)
		a := hallpasstest.With(t, hallpass.Config{Store: storeOn(t, open(t, file, options)), Keys: keys})
		reads, writes := calls(t.Context(), a, token, text)
		for what, err := range reads {
			assert.NoError(t, err, what)
		}
		allUnavailable(t, writes)
		assert.ErrorIs(t, a.FlushUses(t.Context()), hallpass.ErrUnavailable)
		_, err := issuer.Authenticate(t.Context(), text)
		assert.NoError(t, err, "what was not acknowledged was not done")
	}
}
