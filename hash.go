package hallpass

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"unsafe"
)

// minKeyLength is what NewKeys demands of a key, in bytes.
const minKeyLength = 32

// Keys are the secret keys of an [Authority]: the current one, under which every record is written, and others that
// records may still be under. They are symmetric: whoever can check a token can forge one. It holds a func, so that no
// formatter shows a key. The zero Keys are refused by [New].
//
// Tokens do not expire, so keys rotate without them: deploy (old, new), then (new, old), run [Authority.Reseal], then drop
// the old one.
type Keys struct {
	ring func() []key
}

// A key is one of Keys, with its ID.
type key struct {
	id       uint64
	material []byte
}

// NewKeys returns the keys, as copies. Its errors wrap [ErrInvalid]: a key of less than 32 bytes or all of one byte, or one
// that comes twice. [GenerateKey] makes a good one. Keep keys apart from the database and from its backups: a key that is lost
// ends every token.
func NewKeys(current []byte, others ...[]byte) (Keys, error) {
	var ring []key
	seen := map[uint64]bool{0: true} // the ID that says that there is no key
	for _, material := range append([][]byte{current}, others...) {
		if len(material) < minKeyLength {
			return Keys{}, invalidf("a key of %d bytes; it has %d or more", len(material), minKeyLength)
		}
		if bytes.Count(material, material[:1]) == len(material) {
			return Keys{}, invalidf("a key that is one byte over and over; it is random, see GenerateKey")
		}
		derived := must(hkdf.Key(sha256.New, material, nil, "hallpass/v1/key-id", 8))
		k := key{binary.BigEndian.Uint64(derived), bytes.Clone(material)}
		if seen[k.id] {
			return Keys{}, invalidf("a key twice; name each once")
		}
		seen[k.id] = true
		ring = append(ring, k)
	}
	return Keys{func() []key { return ring }}, nil
}

// GenerateKey returns 32 random bytes, for [NewKeys]. Make it once and keep it where the host keeps its secrets.
func GenerateKey() []byte {
	material := make([]byte, minKeyLength)
	rand.Read(material)
	return material
}

// A hasher makes the digests that are stored, under one key. It is made of funcs, so that no formatter shows what they hold.
type hasher struct {
	keyID uint64
	// pad hides the digest of a secret. It belongs to the ID, so that a verifier that is moved to another row is worth nothing.
	pad func(id ID) [32]byte
	// seal is what only a holder of the key can write under a record.
	seal func(r *Record) [32]byte
}

func newHasher(k key, prefix, realm string) hasher {
	derive := func(purpose string) []byte {
		return must(hkdf.Key(sha256.New, k.material, nil, "hallpass/v1/"+purpose+"\x00"+prefix+"\x00"+realm, 32))
	}
	verifierKey, sealKey := derive("verifier"), derive("seal")
	return hasher{
		keyID: k.id,
		pad:   func(id ID) [32]byte { return mac(verifierKey, []byte(id)) },
		seal:  func(r *Record) [32]byte { return mac(sealKey, r.appendSealed(make([]byte, 0, 512))) },
	}
}

func mac(key, message []byte) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}

// digest is SHA-256 over the ID and the secret of a token. Sum256 only reads.
func digest(body string) [32]byte {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(body), len(body)))
}

// digestOfMaterial is digest for a token that was imported. What is hashed begins as no ID does, and has lengths in it, so that
// it is never what is hashed for another token.
func digestOfMaterial(id ID, material []byte) [32]byte {
	b := []byte("hallpass/v1/legacy\x00")
	b = binary.BigEndian.AppendUint32(b, uint32(len(id)))
	b = append(b, id...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(material)))
	return sha256.Sum256(append(b, material...))
}

// fingerprintOf tells slow hashes apart after they are gone. They are salted, so it confirms no guess that is not hashed with
// that salt, which is gone too.
func fingerprintOf(hash string) string {
	sum := sha256.Sum256([]byte("hallpass/v1/legacy-fingerprint\x00" + hash))
	return hex.EncodeToString(sum[:16])
}

func xor(a, b [32]byte) (x [32]byte) {
	for i := range x {
		x[i] = a[i] ^ b[i]
	}
	return x
}
