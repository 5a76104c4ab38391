package legacyhash_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/legacyhash"
)

// anySelector is a slow scheme whose tokens are s. and any bytes of visible ASCII, or what raw says instead.
func anySelector(t testing.TB, raw string) *legacyhash.Scheme {
	return scheme(t)(legacyhash.Slow{
		Name:   "slow",
		Shapes: []legacyhash.Shape{{Prefix: "s.", Alphabet: visible, Min: 1, Max: 200}},
		Split: func(text string) (selector, secret string, ok bool) {
			if raw != "" {
				return "s", raw, true
			}
			return legacyhash.SplitAt("", ".")(text)
		},
	}.Scheme())
}

const visible = legacyhash.Base64URL + "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"

// verifies reports whether a secret is that of a stored hash.
func verifies(t testing.TB, stored, secret string) bool {
	t.Helper()
	ok, err := set(t, anySelector(t, secret)).Verify(context.Background(), "slow:s", "slow", stored, "s.x")
	require.NoError(t, err)
	return ok
}

func TestBcryptIsThatOfCryptBlowfish(t *testing.T) {
	for _, v := range []struct{ secret, hash string }{
		{"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
		{"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
		{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
	} {
		for _, minor := range []string{"$2a$", "$2b$", "$2y$"} {
			assert.True(t, verifies(t, minor+v.hash[4:], v.secret), v.secret)
			assert.False(t, verifies(t, minor+v.hash[4:], v.secret[1:]))
			assert.False(t, verifies(t, minor+v.hash[4:], v.secret+"x"))
		}
	}
}

func TestPBKDF2IsThatOfRFC7914(t *testing.T) {
	for _, v := range []struct {
		secret, salt string
		iterations   int
		key          string
	}{
		{"passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"},
		{"Password", "NaCl", 80000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"},
	} {
		key, err := hex.DecodeString(v.key)
		require.NoError(t, err)
		text, err := legacyhash.PBKDF2("sha256", v.iterations, []byte(v.salt), key)
		require.NoError(t, err)
		assert.True(t, verifies(t, text, v.secret), v.secret)
		assert.False(t, verifies(t, text, v.secret+"x"))
	}
}

func TestPBKDF2WithSHA1IsThatOfRFC6070(t *testing.T) {
	key, err := hex.DecodeString("4b007901b765489abead49d926f721d065a429c1")
	require.NoError(t, err)
	text, err := legacyhash.PBKDF2("sha1", 4096, []byte("salt"), key)
	require.NoError(t, err)
	assert.True(t, verifies(t, text, "password"))
	assert.True(t, verifies(t, "pbkdf2_sha1$4096$salt$"+base64.StdEncoding.EncodeToString(key), "password"))
}

func TestArgon2idIsThatOfTheReference(t *testing.T) {
	hash := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	assert.True(t, verifies(t, hash, "password"))
	assert.False(t, verifies(t, hash, "Password"))
}

// digestOf is what a fast scheme makes of a secret.
func digestOf(t testing.TB, f legacyhash.Fast, secret string) string {
	t.Helper()
	f.Name, f.Encoding, f.LookupKey = "fast", legacyhash.Hex, lookup
	f.Shapes = []legacyhash.Shape{{Alphabet: "x", Min: 1, Max: 1}}
	f.Split = func(string) (string, string, bool) { return "", secret, true }
	return hex.EncodeToString(set(t, scheme(t)(f.Scheme())).Material("fast", "x"))
}

func TestFastDigestsAreThoseOfTheStandards(t *testing.T) {
	sha256, sha512 := legacyhash.Fast{Hash: legacyhash.SHA256}, legacyhash.Fast{Hash: legacyhash.SHA512}
	// FIPS 180-4
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	assert.Equal(t, abc, digestOf(t, sha256, "abc"))
	assert.Equal(t, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		digestOf(t, sha512, "abc"))
	sha256.Before, sha256.After = legacyhash.NewKey([]byte("a")), legacyhash.NewKey([]byte("c"))
	assert.Equal(t, abc, digestOf(t, sha256, "b"), "a pepper before and after")
	// RFC 4231, test case 2
	hmac := legacyhash.Fast{Hash: legacyhash.HMACSHA256, Key: legacyhash.NewKey([]byte("Jefe"))}
	assert.Equal(t, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", digestOf(t, hmac, "what do ya want for nothing?"))
	hmac.Hash = legacyhash.HMACSHA512
	assert.Equal(t, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
		digestOf(t, hmac, "what do ya want for nothing?"))
}

// From Gitea's own test data.
func TestGiteaIsThatOfItsFixture(t *testing.T) {
	const text = "d2c6c1ba3890b309189a8e618c72a162e4efbf36"
	const hash = "2b3668e11cb82d3af8c6e4524fc7841297668f5008d1626f0ad3417e9fa39af84c268248b78c481daa7e5dc437784003494f"
	row, err := legacyhash.GiteaRow("e4efbf36", "QuSiZr1byZ", hash)
	require.NoError(t, err)
	a, ids := imported(t, set(t, legacyhash.Gitea()), row)
	assert.Equal(t, []hallpass.ID{"gitea:e4efbf36"}, ids)
	assert.Empty(t, opens(t, a, hash), "the stored hash")
	assert.Empty(t, opens(t, a, hash[:40]))
	assert.Empty(t, opens(t, a, strings.Repeat("0", 32)+"e4efbf36"))
	for range 2 {
		assert.Equal(t, ids[0], opens(t, a, text))
	}
	refuses(t, a, text)
	assert.True(t, a.Recognizes(text))
	assert.False(t, a.Recognizes(text[1:]))
}
