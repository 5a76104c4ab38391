package dbtest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/legacyhash"
)

// Tokens of old tables are imported, used, upgraded and ended through every driver.
func TestImportedTokensLiveOnEveryEngine(t *testing.T) {
	t.Parallel()
	sanctum, err := legacyhash.Sanctum("")
	require.NoError(t, err)
	legacy, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{legacyhash.Gitea(), sanctum}})
	require.NoError(t, err)
	const secret = "s3cretS3cretS3cretS3cretS3cretS3cretS3cr"
	sum := sha256.Sum256([]byte(secret))
	fast, err := sanctum.Stored("17", hex.EncodeToString(sum[:]))
	require.NoError(t, err)
	slow, err := legacyhash.GiteaRow("e4efbf36", "QuSiZr1byZ",
		"2b3668e11cb82d3af8c6e4524fc7841297668f5008d1626f0ad3417e9fa39af84c268248b78c481daa7e5dc437784003494f")
	require.NoError(t, err)
	texts := []string{"17|" + secret, "d2c6c1ba3890b309189a8e618c72a162e4efbf36"}

	onEach(t, variants, func(t *testing.T, e engine) {
		ctx := t.Context()
		db := e.open(t, e.fresh(t))
		store := e.store(t, db)
		a := hallpasstest.With(t, hallpass.Config{Store: store, Legacy: legacy})
		bring := func() (statuses []hallpass.ImportStatus, ids []hallpass.ID) {
			rows := func(yield func(hallpass.LegacyToken, error) bool) {
				_ = yield(hallpass.LegacyToken{Grant: grant(api, hallpass.RepositoryRead), Digest: fast}, nil) &&
					yield(hallpass.LegacyToken{Grant: grant(api, hallpass.RepositoryRead), Digest: slow}, nil)
			}
			for result, err := range a.Import(ctx, rows, hallpass.ImportOptions{}) {
				require.NoError(t, err)
				statuses, ids = append(statuses, result.Status), append(ids, result.ID)
			}
			return statuses, ids
		}
		statuses, ids := bring()
		assert.Equal(t, []hallpass.ImportStatus{hallpass.ImportAdded, hallpass.ImportAdded}, statuses)
		before, err := store.Get(ctx, ids[1])
		require.NoError(t, err)
		for range 2 {
			for i, text := range texts {
				token, err := a.Authorize(ctx, text, api, hallpass.RepositoryRead)
				require.NoError(t, err)
				assert.Equal(t, ids[i], token.ID)
			}
		}
		after, err := store.Get(ctx, ids[1])
		require.NoError(t, err)
		assert.Less(t, len(after.Extra), len(before.Extra), "the slow hash is gone after the first use")
		assert.Empty(t, collect(a.Verify(ctx)))
		require.NoError(t, a.Revoke(ctx, acme, ids[0]))
		_, err = a.RevokeExposed(ctx, texts[1])
		require.NoError(t, err)
		statuses, _ = bring()
		assert.Equal(t, []hallpass.ImportStatus{hallpass.ImportPresent, hallpass.ImportPresent}, statuses)
		for _, text := range texts {
			_, err := a.Authenticate(ctx, text)
			assert.Equal(t, hallpass.ErrUnauthenticated, err, "an import revives nothing")
		}
	})
}
