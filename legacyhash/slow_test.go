package legacyhash_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/legacyhash"
)

// giteaRow is the row of a token.
func giteaRow(t testing.TB, text, salt string) hallpass.LegacyDigest {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, text, []byte(salt), 10000, 50)
	require.NoError(t, err)
	d, err := legacyhash.GiteaRow(text[32:], salt, hex.EncodeToString(key))
	require.NoError(t, err)
	return d
}

// The package under it takes any text that goes on after 72 bytes for that of the hash.
func TestASecretOfMoreThan72BytesIsRefusedByBcrypt(t *testing.T) {
	secret := strings.Repeat("0123456789ab", 6)
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	require.NoError(t, err)
	require.NoError(t, bcrypt.CompareHashAndPassword(hash, []byte(secret+"anything")), "the trap")
	assert.True(t, verifies(t, string(hash), secret))
	for _, more := range []string{"x", "anything", strings.Repeat("x", 100)} {
		assert.False(t, verifies(t, string(hash), secret+more))
	}
}

// A secret is repeated with a zero byte behind it, so that a secret with one in it may be that of another.
func TestASecretWithAZeroByteIsRefusedByBcrypt(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("abc"), bcrypt.MinCost)
	require.NoError(t, err)
	require.NoError(t, bcrypt.CompareHashAndPassword(hash, []byte("abc\x00abc")), "the trap")
	assert.True(t, verifies(t, string(hash), "abc"))
	assert.False(t, verifies(t, string(hash), "abc\x00abc"))
}

func TestSlowHashesThatAreNotSoundAreRefused(t *testing.T) {
	b64 := base64.RawStdEncoding.EncodeToString
	salt, key := b64([]byte("somesalt")), b64(make([]byte, 32))
	argon := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + key }
	const tail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	s := anySelector(t, "")
	good := []string{
		"$2a$04$" + tail, "$2b$16$" + tail, "$2y$10$" + tail,
		argon("m=8,t=1,p=1"), argon("m=262144,t=16,p=16"), "$argon2id$v=19$m=8,t=1,p=1$" + b64(make([]byte, 64)) + "$" + b64(make([]byte, 64)),
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + b64(make([]byte, 16)),
		"$pbkdf2-sha256$i=1$" + b64([]byte("s")) + "$" + b64(make([]byte, 16)), "$pbkdf2-sha512$i=10000000$" + b64(make([]byte, 64)) + "$" + b64(make([]byte, 64)),
		"pbkdf2_sha256$600000$somesalt$" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"pbkdf2_sha1$1$s$" + base64.StdEncoding.EncodeToString(make([]byte, 20)),
	}
	for _, hash := range good {
		_, err := s.Stored("s", hash)
		assert.NoError(t, err, hash)
		for _, bad := range []string{hash + " ", hash + "\n", hash + "$", " " + hash, hash + "="} {
			_, err := s.Stored("s", bad)
			assert.ErrorIs(t, err, hallpass.ErrInvalid, "%q", bad)
		}
	}
	bad := []string{
		"", "x", "$", "$1$abc$def", "$5$x$y", "$6$x$y", "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + key, "$argon2d$v=19$m=8,t=1,p=1$" + salt + "$" + key,
		"$2$04$" + tail, "$2x$04$" + tail, "$2c$04$" + tail, "$2a$4$" + tail, "$2a$03$" + tail, "$2a$17$" + tail, "$2a$31$" + tail, "$2a$99$" + tail,
		"$2a$04$" + tail[1:], "$2a$04$" + tail + "C", "$2a$04$" + tail[:52] + "!", "$2a$0x$" + tail, "$2a.04$" + tail, "$2a$04." + tail, "$2a$+4$" + tail,
		argon("m=8,t=1,p=0"), argon("m=136,t=1,p=17"), argon("m=8,t=0,p=1"), argon("m=8,t=17,p=1"), argon("m=7,t=1,p=1"), argon("m=15,t=1,p=2"),
		argon("m=262145,t=1,p=1"), argon("m=8,t=1,p=256"), argon("m=08,t=1,p=1"), argon("m=8,t=1"), argon("t=1,m=8,p=1"), argon("m=8,t=1,p=1,keyid=x"),
		argon("m=4294967304,t=1,p=1"), argon("m=-8,t=1,p=1"), argon("m= 8,t=1,p=1"),
		"$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + key, "$argon2id$m=8,t=1,p=1$" + salt + "$" + key, "$argon2id$v=19$m=8,t=1,p=1$$" + key,
		"$argon2id$v=19$m=8,t=1,p=1$" + b64([]byte("7 bytes")) + "$" + key, "$argon2id$v=19$m=8,t=1,p=1$" + b64(make([]byte, 65)) + "$" + key,
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + b64(make([]byte, 15)),
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + b64(make([]byte, 65)), "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$!" + key[1:],
		"$argon2id$v=19$m=8,t=1,p=1$!" + salt[1:] + "$" + key,
		"$pbkdf2-md5$i=1$" + salt + "$" + key, "$pbkdf2-$i=1$" + salt + "$" + key, "$pbkdf2-sha256$i=0$" + salt + "$" + key,
		"$pbkdf2-sha256$i=10000001$" + salt + "$" + key, "$pbkdf2-sha256$i=-1$" + salt + "$" + key, "$pbkdf2-sha256$i=+1$" + salt + "$" + key,
		"$pbkdf2-sha256$i=01$" + salt + "$" + key, "$pbkdf2-sha256$1$" + salt + "$" + key, "$pbkdf2-sha256$i=1$$" + key, "$pbkdf2-sha256$i=x$" + salt + "$" + key,
		"$pbkdf2-sha256$i=1$" + b64(make([]byte, 65)) + "$" + key, "$pbkdf2-sha256$i=1$" + salt + "$" + b64(make([]byte, 15)),
		"$pbkdf2-sha256$i=1$" + salt + "$" + b64(make([]byte, 65)), "$pbkdf2-sha256$i=1$!" + salt[1:] + "$" + key, "$pbkdf2-sha256$i=1$" + salt + "$!" + key[1:],
		"$pbkdf2-sha256$i=1$" + salt, "pbkdf2_sha256$1$salt", "pbkdf2_sha256$1$salt$!", "pbkdf2_md5$1$salt$" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key[:len(key)-1] + "B",
	}
	for _, hash := range bad {
		_, err := s.Stored("s", hash)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, hash)
		_, err = set(t, s).Verify(t.Context(), "slow:s", "slow", hash, "s.x")
		assert.Error(t, err, "what got in all the same is not told of")
	}
	_, err := legacyhash.PBKDF2("md5", 1, []byte("salt"), make([]byte, 32))
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
}

func TestASetKnowsItsSchemesOnly(t *testing.T) {
	known := set(t, scheme(t)(fast().Scheme()), legacyhash.Gitea())
	assert.Nil(t, known.Material("other", fastText))
	assert.Nil(t, known.Material("gitea", fastText))
	assert.Len(t, known.Material("fast", fastText), 32)
	assert.Equal(t, []byte(strings.Repeat("0", 40)), known.Material("gitea", strings.Repeat("0", 40)))
	for _, name := range []string{"other", "fast", ""} {
		_, err := known.Verify(t.Context(), "x", name, "x", fastText)
		assert.Error(t, err, name)
	}
	ok, err := known.Verify(t.Context(), "x", "gitea", "x", fastText)
	assert.NoError(t, err)
	assert.False(t, ok)
}
