package legacyhash_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass/legacyhash"
)

// Whatever a text is: it has few IDs, each of the form that they have, and those are of it alone as far as it is known.
func FuzzCandidates(f *testing.F) {
	for _, text := range []string{
		"", "d2c6c1ba3890b309189a8e618c72a162e4efbf36", "17|0123456789abcdefghijABCDEFGHIJ0123456789", "glpat-0123456789abcdefghij",
		"sgp_0123456789abcdef0123456789abcdef01234567", "own_17.0123456789abcdefghij", "17.\x00", strings.Repeat("x", 2000),
	} {
		f.Add(text)
	}
	must := scheme(f)
	known := set(f, legacyhash.Gitea(), must(legacyhash.Sanctum("")), must(legacyhash.GitLab("glpat-", strings.Repeat("x", 32), lookup)),
		must(legacyhash.Sourcegraph("local", lookup)), must(legacyhash.BcryptTable("own", "own_", ".")))
	f.Fuzz(func(t *testing.T, text string) {
		ids := known.Candidates(text)
		require.LessOrEqual(t, len(ids), 4)
		for _, id := range ids {
			assert.Regexp(t, `^(gitea|sanctum|gitlab|sourcegraph|own):[0-9A-Za-z_-]{1,64}(\.[2-4])?$`, id)
			name, _, _ := strings.Cut(string(id), ":")
			assert.NotEmpty(t, known.Material(name, text))
		}
		assert.Equal(t, ids, known.Candidates(text))
	})
}
