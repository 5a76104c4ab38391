package scantest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

const (
	digits   = "0123456789"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	base62   = digits + upper + lower
	bodySize = 61 // characters after the prefix
)

// contexts are where tokens are found, with %s where the token is.
var contexts = map[string]string{
	"assignment":   "const token = \"%s\"\n",
	"URL":          "git clone https://x-token-auth:%s@git.example.com/acme/api.git\n",
	"header":       "> GET /repositories/acme/api HTTP/1.1\n> Authorization: Bearer %s\n",
	"environment":  "HOST=git.example.com\nHP_TOKEN=%s\n",
	"JSON in line": `{"name":"deploy job","token":"%s","id":7}`,
}

// issue returns n new tokens of a.
func issue(t testing.TB, a *hallpass.Authority, n int) (tokens []string) {
	t.Helper()
	for range n {
		tokens = append(tokens, hallpasstest.Secret(t, a, hallpass.Repository("acme", "api"), hallpass.RepositoryRead))
	}
	return tokens
}

// random returns n characters of alphabet.
func random(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// randomHex returns n hexadecimal digits.
func randomHex(r *rand.Rand, n int) string { return random(r, digits+lower[:6], n) }

// typo returns token with another last character, so that only its checksum is wrong.
func typo(token string) string {
	last := strings.IndexByte(base62, token[len(token)-1])
	return token[:len(token)-1] + string(base62[(last+1)%len(base62)])
}

// lookAlikes make what is no token, out of a token or of nothing. 400 of each are 10,000.
var lookAlikes = map[string]func(r *rand.Rand, token string) string{
	"one short":           func(r *rand.Rand, token string) string { return token[:len(token)-1] },
	"one long":            func(r *rand.Rand, token string) string { return token + random(r, base62, 1) },
	"far too long":        func(r *rand.Rand, token string) string { return token + random(r, base62, 1+r.IntN(200)) },
	"an underscore after": func(r *rand.Rand, token string) string { return token + "_" },
	"glued in front":      func(r *rand.Rand, token string) string { return random(r, base62+"_", 1) + token },
	"bad alphabet": func(r *rand.Rand, token string) string {
		i := 3 + r.IntN(bodySize)
		return token[:i] + random(r, "-_+/=.!~ ", 1) + token[i+1:]
	},
	"no prefix":            func(r *rand.Rand, token string) string { return token[3:] },
	"another prefix":       func(r *rand.Rand, token string) string { return random(r, "abcdefg", 2) + token[2:] },
	"a prefix in capitals": func(r *rand.Rand, token string) string { return "HP" + token[2:] },
	"another separator":    func(r *rand.Rand, token string) string { return "hp" + random(r, "-.:/", 1) + token[3:] },
	"one character":        func(r *rand.Rand, token string) string { return "hp_" + strings.Repeat(random(r, base62, 1), bodySize) },
	"low entropy": func(r *rand.Rand, token string) string {
		return "hp_" + random(r, base62[r.IntN(40):][:1+r.IntN(12)], bodySize)
	},
	"a hexadecimal body":  func(r *rand.Rand, token string) string { return "hp_" + randomHex(r, bodySize) },
	"SHA-256":             func(r *rand.Rand, token string) string { return randomHex(r, 64) },
	"SHA-1 with prefix":   func(r *rand.Rand, token string) string { return "hp_" + randomHex(r, 40) },
	"SHA-256 with prefix": func(r *rand.Rand, token string) string { return "hp_" + randomHex(r, 64) },
	"UUID": func(r *rand.Rand, token string) string {
		h := randomHex(r, 32)
		return "hp_" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	},
	"JWT": func(r *rand.Rand, token string) string {
		part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
		return part(`{"alg":"HS256"}`) + "." + part(`{"sub":"`+randomHex(r, 8)+`"}`) + "." + part(random(r, base62, 32))
	},
	"GitHub":          func(r *rand.Rand, token string) string { return "ghp_" + random(r, base62, 36) },
	"GitHub, as long": func(r *rand.Rand, token string) string { return "ghp_" + random(r, base62, bodySize) },
	"GitLab":          func(r *rand.Rand, token string) string { return "glpat-" + random(r, base62+"-_", 20) },
	"Bitbucket":       func(r *rand.Rand, token string) string { return "ATCTT3" + random(r, base62+"-_=", 180) },
	"a name":          func(r *rand.Rand, token string) string { return "hp_" + random(r, lower+"_", 60) + "_" },
	"the ID alone":    func(r *rand.Rand, token string) string { return token[:23] + "..." },
	"lower case":      func(r *rand.Rand, token string) string { return fmt.Sprintf("%s…", strings.ToLower(token[:50])) },
}
