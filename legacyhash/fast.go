package legacyhash

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
)

// A Hash is a fast hash function. The zero one is refused.
type Hash uint8

// The hash functions that there are.
const (
	SHA256     Hash = iota + 1
	SHA512          // with 64 bytes
	HMACSHA256      // under Fast.Key
	HMACSHA512
)

// Fast describes a scheme that gives one digest for a token always. Its secrets have to be random: whoever has the old table can
// try many of these digests a second, though not those in hallpass. No formatter shows a key.
//
// A token is found either by a selector in its text, such as the number of its row, or, where it has none, by its digest: then its ID is
// an HMAC of the digest, so that no ID confirms a guess. The LookupKey for that is not one of [hallpass.Keys]. It
// has to stay the same for as long as tokens that were imported with it live.
type Fast struct {
	Name   string  // of the scheme, 1 to 32 of [0-9a-z_-]; IDs begin with it
	Shapes []Shape // what its tokens look like: any of these

	// Split returns the selector of a token, which is 1 to 64 of [0-9A-Za-z_-], and the secret that was hashed; it is called for what has
	// one of the Shapes. It has to be a pure function. Give no two texts one selector and one secret, or both are good. If nil, the
	// whole text is the secret, and there is no selector.
	Split func(text string) (selector, secret string, ok bool)

	Hash          Hash
	Key           Key // of an HMAC
	Before, After Key // a pepper that was hashed before the secret, or after it
	Encoding      Encoding

	// LookupKey has 32 bytes or more. It is required where there is no selector; with it, a selector is not looked at.
	LookupKey Key
}

// Scheme returns the scheme that f describes. The error wraps [hallpass.ErrInvalid], and says what is wrong.
func (f Fast) Scheme() (*Scheme, error) {
	if err := checkCommon(f.Name, f.Shapes); err != nil {
		return nil, err
	}
	keyed := f.Hash == HMACSHA256 || f.Hash == HMACSHA512
	switch {
	case f.Hash < SHA256 || f.Hash > HMACSHA512:
		return nil, invalidf("Fast.Hash %d; it is one of the constants", f.Hash)
	case keyed != (f.Key.bytes() != nil):
		return nil, invalidf("Fast.Key; an HMAC has one, and nothing else has")
	case f.Encoding < Hex || f.Encoding > Raw:
		return nil, invalidf("Fast.Encoding %d; it is one of the constants", f.Encoding)
	case f.Split == nil && f.LookupKey.bytes() == nil:
		return nil, invalidf("Fast without Split and LookupKey; a token is found by a selector, or by its digest under a LookupKey")
	}
	s := &Scheme{name: f.Name, shapes: slices.Clone(f.Shapes), split: f.Split, digest: f.sum, decode: f.decode, shared: 1}
	if f.LookupKey.bytes() != nil {
		if err := checkLookup(f.LookupKey); err != nil {
			return nil, err
		}
		s.lookup = f.find
	}
	return s, nil
}

func (f Fast) new() hash.Hash {
	switch f.Hash {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case HMACSHA256:
		return hmac.New(sha256.New, f.Key.bytes())
	}
	return hmac.New(sha512.New, f.Key.bytes())
}

// sum returns the digest of a secret.
func (f Fast) sum(secret string) []byte {
	h := f.new()
	h.Write(f.Before.bytes())
	h.Write([]byte(secret))
	h.Write(f.After.bytes())
	return h.Sum(nil)
}

// decode returns the digest that a table keeps.
func (f Fast) decode(stored string) ([]byte, error) {
	digest, ok := f.Encoding.decode(stored)
	if size := f.new().Size(); !ok || len(digest) != size {
		return nil, invalidf("a digest of scheme %q; it has %d bytes in its Encoding", f.Name, size)
	}
	return digest, nil
}

// find returns what a token is found by: 128 bits, which belong to the digest and the scheme.
func (f Fast) find(digest []byte) string {
	h := hmac.New(sha256.New, f.LookupKey.bytes())
	h.Write([]byte("hallpass/v1/lookup\x00"))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f.Name))))
	h.Write([]byte(f.Name))
	h.Write(digest)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
