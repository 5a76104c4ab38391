package legacyhash

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
)

const (
	maxIterations = 10_000_000 // some seconds
	maxSalt       = 64         // bytes
	minOutput     = 16
	maxOutput     = 64
)

// PBKDF2 returns the text of a hash that was made with PBKDF2 and HMAC, for [Scheme.Stored]: the function is "sha1", "sha256" or
// "sha512", the salt has 1 to 64 bytes, the key 16 to 64. The error wraps [hallpass.ErrInvalid], and shows neither.
func PBKDF2(function string, iterations int, salt, key []byte) (string, error) {
	text := "$pbkdf2-" + function + "$i=" + strconv.Itoa(iterations) + "$" + base64.RawStdEncoding.EncodeToString(salt) + "$" +
		base64.RawStdEncoding.EncodeToString(key)
	if _, err := parsePBKDF2(text); err != nil {
		return "", err
	}
	return text, nil
}

// parsePBKDF2 reads what PBKDF2 wrote.
func parsePBKDF2(stored string) (verify, error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 5 {
		return nil, errPBKDF2
	}
	count, ok1 := strings.CutPrefix(parts[2], "i=")
	salt, ok2 := decode64(base64.RawStdEncoding, parts[3])
	key, ok3 := decode64(base64.RawStdEncoding, parts[4])
	if !ok1 || !ok2 || !ok3 {
		return nil, errPBKDF2
	}
	return newPBKDF2(strings.TrimPrefix(parts[1], "pbkdf2-"), count, salt, key)
}

// parseDjango reads pbkdf2_sha256$600000$salt$key, with the salt as text and the key in base64.
func parseDjango(stored string) (verify, error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 4 {
		return nil, errPBKDF2
	}
	key, ok := decode64(base64.StdEncoding, parts[3])
	if !ok {
		return nil, errPBKDF2
	}
	return newPBKDF2(strings.TrimPrefix(parts[0], "pbkdf2_"), parts[1], []byte(parts[2]), key)
}

var errPBKDF2 = invalidf("a PBKDF2 hash; see PBKDF2: sha1, sha256 or sha512, 1 to %d iterations, a salt of 1 to %d bytes, a key of %d to %d",
	maxIterations, maxSalt, minOutput, maxOutput)

func newPBKDF2(function, count string, salt, want []byte) (verify, error) {
	functions := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}
	h := functions[function]
	iterations, err := strconv.Atoi(count)
	if h == nil || err != nil || strconv.Itoa(iterations) != count || iterations < 1 || iterations > maxIterations ||
		len(salt) < 1 || len(salt) > maxSalt || len(want) < minOutput || len(want) > maxOutput {
		return nil, errPBKDF2
	}
	return func(secret string) bool {
		have, err := pbkdf2.Key(h, secret, salt, iterations, len(want))
		return err == nil && subtle.ConstantTimeCompare(have, want) == 1
	}, nil
}
