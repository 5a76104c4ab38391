package hallpass

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"strings"
	"unsafe"
)

// A Secret is what the bearer presents. [Authority.Issue] and [Authority.Rotate] return it, once: nothing can show it
// again. Printed, logged or encoded in any way, it shows only its prefix and the ID of its token. It holds a func, so that no
// formatter reaches the text from anywhere, and == does not compile.
type Secret struct {
	reveal func() string
	label  string
}

// Reveal returns the text to hand to the bearer, and "" for the zero Secret. Do not store it, do not log it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String returns the prefix and the ID, then "...".
func (s Secret) String() string { return s.label }

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.label) }

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.label) }

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.label), nil }

// The text of a token is prefix, ID, secret and checksum, of which only the first is fixed:
//
//	hp_ 0Yk3mZr8QbT1uVw5xAjC 7nLr2FqPz9sDkXe4WbGh6TyUm1Vc8RaJoNi 4Twy7v
//
// Nothing in it is ever decoded, so that no second spelling of a token exists. ID and secret together are 55 bytes:
// one block of SHA-256 with its padding.
const (
	idLength       = 20 // 119 bits
	secretLength   = 35 // 208 bits
	checksumLength = 6
	bodyLength     = idLength + secretLength
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// inAlphabet is true for the bytes of alphabet.
var inAlphabet = func() (in [256]bool) {
	for i := range len(alphabet) {
		in[alphabet[i]] = true
	}
	return in
}()

// A format is the prefix of a deployment's tokens, with its underscore.
type format string

// parse returns the ID and the body (ID and secret) of s, and whether s has the shape of a token: length, prefix, alphabet
// and checksum. It proves nothing; it turns typos and garbage away before anything is hashed or read.
func (f format) parse(s string) (id ID, body string, ok bool) {
	sum := len(f) + bodyLength
	if len(s) != sum+checksumLength || s[:len(f)] != string(f) {
		return "", "", false
	}
	if want := checksum(s[:sum]); s[sum:] != string(want[:]) {
		return "", "", false
	}
	// Who knows the format can make a checksum over anything.
	for i := len(f); i < sum; i++ {
		if !inAlphabet[s[i]] {
			return "", "", false
		}
	}
	body = s[len(f):sum]
	return ID(body[:idLength]), body, true
}

// mint makes a new token's ID, body and text.
func (f format) mint() (id ID, body string, s Secret) {
	text := append(make([]byte, 0, len(f)+bodyLength+checksumLength), f...)
	text = appendRandom(text, bodyLength)
	sum := checksum(string(text))
	whole := string(append(text, sum[:]...))
	body = whole[len(f) : len(f)+bodyLength]
	// The ID is kept for as long as the record is, so it shares no memory with the secret.
	id = ID(strings.Clone(body[:idLength]))
	return id, body, Secret{func() string { return whole }, string(f) + string(id) + "..."}
}

// appendRandom appends n characters of the alphabet, each as likely as any other: a byte that would favour the
// first of them is thrown away.
func appendRandom(b []byte, n int) []byte {
	const fair = 256 / len(alphabet) * len(alphabet)
	var random [bodyLength]byte
	for n > 0 {
		rand.Read(random[:])
		for _, r := range random[:] {
			if int(r) < fair && n > 0 {
				b = append(b, alphabet[int(r)%len(alphabet)])
				n--
			}
		}
	}
	return b
}

// checksum returns the CRC-32 (IEEE) of s in base 62, most significant digit first. It finds typos; it is no security.
func checksum(s string) (digits [checksumLength]byte) {
	// ChecksumIEEE only reads. A []byte(s) would be an allocation on each check.
	crc := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(s), len(s)))
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = alphabet[crc%uint32(len(alphabet))]
		crc /= uint32(len(alphabet))
	}
	return digits
}
