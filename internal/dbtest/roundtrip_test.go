package dbtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

func TestACheckIsOneRoundTripOnEveryEngine(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		db, spy := e.spied(t, e.fresh(t))
		a := on(t, e.store(t, db))
		_, live := issue(t, a, api)
		revoked, dead := issue(t, a, api)
		require.NoError(t, a.Revoke(t.Context(), acme, revoked.ID))
		_, unknown := issue(t, on(t, e.store(t, e.open(t, e.fresh(t)))), api)

		for what, c := range map[string]struct {
			text       string
			permission hallpass.Permission
			want       error
		}{
			"allowed":      {live, hallpass.RepositoryRead, nil},
			"denied":       {live, hallpass.RepositoryAdmin, hallpass.ErrDenied},
			"revoked":      {dead, hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"unknown":      {unknown, hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"wrong secret": {forged(revoked.ID, live), hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"malformed":    {live + " ", hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"cut":          {live[:len(live)-1], hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"empty":        {"", hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"long":         {strings.Repeat("x", 1<<16), hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
			"SQL":          {"'; DROP TABLE hallpass_tokens --", hallpass.RepositoryRead, hallpass.ErrUnauthenticated},
		} {
			check := func() {
				_, err := a.Authorize(t.Context(), c.text, api, c.permission)
				require.ErrorIs(t, err, c.want, what)
			}
			check() // the statement is prepared, the token known
			spy.take()
			sent := spy.sent.Load()
			const calls = 20
			for range calls {
				check()
			}
			sent = spy.sent.Load() - sent
			statements := spy.take()
			if !a.Recognizes(c.text) {
				assert.Empty(t, statements)
				assert.Zero(t, sent)
				continue
			}
			require.Len(t, statements, calls, what)
			for _, s := range statements {
				assert.Regexp(t, `^SELECT [@a-z_, ]+ FROM hallpass_tokens WHERE id = (\?|\$1::bytea)$`, s.text)
				assert.Len(t, s.args, 1, what)
				assert.Equal(t, statements[0].conn, s.conn, what)
			}
			if e.driver != "sqlite" {
				assert.EqualValues(t, calls, sent, what)
			}
		}
	})
}

func TestEachOfManyChangesIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	onEach(t, engines[1:], func(t *testing.T, e engine) {
		db, spy := e.spied(t, e.fresh(t))
		keys := mustKeys(t, hallpass.GenerateKey())
		a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: keys})
		const n, around = 300, 60 // around them are transactions and lists
		load(t, e, db, keys, n, repositories)
		before := spy.sent.Load()
		ended, err := a.RevokeAll(t.Context(), acme)
		require.NoError(t, err)
		require.Equal(t, n, ended)
		assert.InDelta(t, n, spy.sent.Load()-before, around)
	})
}
