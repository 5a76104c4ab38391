package dbtest

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// The server is killed right after a revocation was acknowledged, also where the session said that a commit need not wait for the disk. A
// control that hallpass does not write is lost there, so that the test would see it. HALLPASS_LONG=1 kills it 100 times.
func TestARevocationOutlivesItsServer(t *testing.T) {
	t.Parallel()
	rounds := 3
	if os.Getenv("HALLPASS_LONG") != "" {
		rounds = 100
	}
	for name, start := range privates {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			dsn := p.dsn
			settings := []string{"innodb-flush-log-at-trx-commit=1"}
			if name == "PostgreSQL" {
				dsn += "&synchronous_commit=off"
				settings = []string{"wal_writer_delay=10s"}
			}
			p.start(settings...)
			db := p.engine.open(t, dsn)
			a := hallpasstest.With(t, hallpass.Config{Store: p.engine.store(t, db)})
			must(t, db, "CREATE TABLE control (n BIGINT)")
			lost := 0
			for n := range rounds {
				_, live := issue(t, a, api)
				token, ended := issue(t, a, api)
				old, rotated := issue(t, a, api)
				require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
				_, fresh, err := a.Rotate(t.Context(), acme, old.ID, 0)
				require.NoError(t, err)
				must(t, db, fmt.Sprintf("INSERT INTO control VALUES (%d)", n))
				p.kill()

				// Nothing is allowed meanwhile, and nothing is called bad.
				for _, text := range []string{live, ended} {
					_, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
					require.ErrorIs(t, err, hallpass.ErrUnavailable)
					require.NotErrorIs(t, err, hallpass.ErrUnauthenticated)
				}
				require.ErrorIs(t, a.Revoke(t.Context(), acme, old.ID), hallpass.ErrUnavailable)
				p.start(settings...)
				db.SetMaxIdleConns(0) // what is left of the old connections
				db.SetMaxIdleConns(16)

				// The host goes on as it is.
				for _, text := range []string{ended, rotated} {
					_, err = a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
					require.Equal(t, hallpass.ErrUnauthenticated, err)
				}
				for _, text := range []string{live, fresh.Reveal()} {
					_, err = a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
					require.NoError(t, err)
				}
				var kept int
				require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM control WHERE n = %d", n)).Scan(&kept))
				lost += 1 - kept
			}
			assert.Empty(t, collect(a.Verify(t.Context())))
			t.Logf("%d kills, %d of the control's rows lost", rounds, lost)
			if name == "PostgreSQL" {
				assert.Positive(t, lost, "the control")
			}
		})
	}
}

// A connection that the server ends while it is idle, or in the middle of a statement, costs at most one error.
func TestAConnectionThatWasCutIsReplaced(t *testing.T) {
	t.Parallel()
	for _, e := range []engine{postgresEngine, mysqlEngine} {
		t.Run(e.name, func(t *testing.T) {
			dsn := e.fresh(t)
			db, admin := e.open(t, dsn), e.open(t, dsn)
			db.SetMaxOpenConns(1)
			a := on(t, e.store(t, db))
			_, text := issue(t, a, api)
			for range 10 {
				cut(t, e, db, admin)
				_, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
				if err != nil {
					assert.ErrorIs(t, err, hallpass.ErrUnavailable)
					_, err = a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
				}
				assert.NoError(t, err)
				cut(t, e, db, admin)
				token, _, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
				if err != nil {
					assert.ErrorIs(t, err, hallpass.ErrUnavailable)
					continue
				}
				cut(t, e, db, admin)
				if err = a.Revoke(t.Context(), acme, token.ID); err != nil {
					assert.ErrorIs(t, err, hallpass.ErrUnavailable)
					assert.NoError(t, a.Revoke(t.Context(), acme, token.ID))
				}
			}
		})
	}
}

// cut ends the only connection of db.
func cut(t *testing.T, e engine, db, admin *sql.DB) {
	t.Helper()
	var id int64
	if e.name == "PostgreSQL" {
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&id))
		must(t, admin, fmt.Sprintf("SELECT pg_terminate_backend(%d)", id))
		return
	}
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	_, err := admin.ExecContext(t.Context(), fmt.Sprintf("KILL CONNECTION %d", id))
	require.True(t, err == nil || strings.Contains(err.Error(), "1094"), "%v", err)
}
