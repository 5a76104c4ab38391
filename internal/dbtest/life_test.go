package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// The life of tokens, from the first to the change of the keys and of the realm, through every driver and under every setting.
func TestTokensLiveAndEndOnEveryEngine(t *testing.T) {
	t.Parallel()
	onEach(t, variants, func(t *testing.T, e engine) {
		ctx := t.Context()
		db := e.open(t, e.fresh(t))
		store, l := e.store(t, db), &log{}
		oldKey, freshKey := hallpass.GenerateKey(), hallpass.GenerateKey()
		with := func(current []byte, others ...[]byte) *hallpass.Authority {
			return hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, current, others...), Realm: "production", Observe: l.observe})
		}
		a := with(oldKey)
		g := grant(api, hallpass.RepositoryWrite, hallpass.PipelineRead)
		g.Name, g.CreatedBy = "déploiement — 日本 🎫 Ⅸ ß", "ユーザー/Ärger's \"1\""
		token, secret, err := a.Issue(ctx, g)
		require.NoError(t, err)
		got, err := a.Authorize(ctx, secret.Reveal(), api, hallpass.RepositoryRead, hallpass.PipelineRead)
		require.NoError(t, err)
		assert.True(t, got == token, "%v", got)
		assert.Equal(t, g.Name+g.CreatedBy, got.Name+got.CreatedBy)
		_, err = a.Authorize(ctx, secret.Reveal(), hallpass.Repository("acme", "API"), hallpass.RepositoryRead)
		assert.ErrorIs(t, err, hallpass.ErrDenied)
		_, projectText := issue(t, a, core)
		_, err = a.Authorize(ctx, projectText, api.In("core"), hallpass.RepositoryRead)
		require.NoError(t, err)
		_, err = a.Authorize(ctx, projectText, api, hallpass.RepositoryRead)
		assert.ErrorIs(t, err, hallpass.ErrDenied)
		_, otherText := issue(t, a, hallpass.Workspace("ACME"))

		fresh, freshSecret, err := a.Rotate(ctx, acme, token.ID, time.Hour)
		require.NoError(t, err)
		for _, text := range []string{secret.Reveal(), freshSecret.Reveal()} {
			_, err = a.Authenticate(ctx, text)
			require.NoError(t, err)
		}
		require.NoError(t, a.Revoke(ctx, acme, token.ID))
		_, err = a.Authenticate(ctx, secret.Reveal())
		require.Equal(t, hallpass.ErrUnauthenticated, err)
		last, _, err := a.Rotate(ctx, acme, fresh.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, fresh.ID, last.Replaces)
		_, err = a.Authenticate(ctx, freshSecret.Reveal())
		require.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ErrNotFound, a.Revoke(ctx, hallpass.Workspace("ACME"), last.ID))
		assert.Equal(t, hallpass.ErrNotFound, a.Revoke(ctx, hallpass.Workspace("acm"), last.ID))
		assert.Len(t, list(t, a, acme, hallpass.ListOptions{}), 2)
		assert.Len(t, list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true}), 4)
		assert.Len(t, list(t, a, hallpass.Workspace("ACME"), hallpass.ListOptions{}), 1)
		require.NoError(t, a.FlushUses(ctx))
		used, err := a.LastUsed(ctx, token.ID, fresh.ID, last.ID)
		require.NoError(t, err)
		assert.Len(t, used, 2)

		// New keys, without anybody's noticing.
		for _, step := range []*hallpass.Authority{with(oldKey, freshKey), with(freshKey, oldKey)} {
			_, err = step.Authenticate(ctx, projectText)
			require.NoError(t, err)
		}
		var outdated []int
		for _, reseal := range []bool{false, true, false} {
			for p, err := range with(freshKey, oldKey).Sweep(ctx, hallpass.SweepOptions{Reseal: reseal}) {
				require.NoError(t, err)
				assert.Empty(t, p.Bad)
				outdated = append(outdated, p.Outdated)
			}
		}
		assert.Equal(t, []int{5, 0, 0}, outdated)
		a = with(freshKey)
		for _, text := range []string{projectText, otherText} {
			_, err = a.Authenticate(ctx, text)
			require.NoError(t, err)
		}
		require.NoError(t, a.Check(ctx))
		assert.Empty(t, collect(a.Verify(ctx)))
		staging := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, freshKey), Realm: "staging"})
		assert.ErrorIs(t, staging.Check(ctx), hallpass.ErrUnavailable)

		ended, err := a.RevokeAll(ctx, acme)
		require.NoError(t, err)
		assert.Equal(t, 2, ended)
		_, err = a.Authenticate(ctx, projectText)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		exposed, err := a.RevokeExposed(ctx, otherText)
		require.NoError(t, err)
		assert.Equal(t, hallpass.Workspace("ACME"), exposed.Resource)
		_, err = a.RevokeExposed(ctx, otherText)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		for _, event := range l.take() {
			assert.NotEqual(t, hallpass.ReasonTampered, event.Reason)
			assert.NotEqual(t, hallpass.Unavailable, event.Kind)
		}
	})
}
