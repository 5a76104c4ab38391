package legacyhash

import (
	"encoding/hex"
	"strings"

	"github.com/hallpass-go/hallpass"
)

const giteaIterations = 10000

// Gitea returns the scheme of the access tokens of Gitea and Forgejo: 40 hex digits, of which the table keeps PBKDF2 with
// HMAC-SHA-256, 10,000 iterations and 50 bytes, and the last eight digits. Up to 4 tokens may have the same last eight. Its name
// is "gitea". [GiteaRow] makes digests for it.
func Gitea() *Scheme {
	return must(Slow{
		Name:   "gitea",
		Shapes: []Shape{{Alphabet: LowerHex, Min: 40, Max: 40}},
		Split:  func(text string) (selector, secret string, ok bool) { return text[32:], text, true },
		Shared: maxShared,
	}.Scheme())
}

// GiteaRow returns what a row of Gitea's table access_token keeps, from its columns token_last_eight, token_salt and token_hash. The
// error wraps [hallpass.ErrInvalid], and shows nothing of them.
func GiteaRow(lastEight, salt, hash string) (hallpass.LegacyDigest, error) {
	key, err := hex.DecodeString(hash)
	if err != nil || len(key) != 50 || len(lastEight) != 8 || !only(lastEight, LowerHex) {
		return hallpass.LegacyDigest{}, invalidf("a row of Gitea; it has the last eight hex digits of the token, and a hash of 100")
	}
	text, err := PBKDF2("sha256", giteaIterations, []byte(salt), key)
	if err != nil {
		return hallpass.LegacyDigest{}, err
	}
	return Gitea().Stored(strings.Clone(lastEight), text)
}

// must is for what is a mistake in this package if it fails.
func must(s *Scheme, err error) *Scheme {
	if err != nil {
		panic(err)
	}
	return s
}
