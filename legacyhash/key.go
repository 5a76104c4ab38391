package legacyhash

import (
	"bytes"

	"github.com/hallpass-go/hallpass"
)

// A Key is a secret that went into digests, or that hides IDs. It holds a func, so that no formatter shows it. The zero Key is
// none. It is safe for concurrent use.
type Key struct {
	reveal func() []byte
}

// NewKey returns a copy of secret as a Key. That of nothing is the zero Key.
func NewKey(secret []byte) Key {
	if len(secret) == 0 {
		return Key{}
	}
	kept := bytes.Clone(secret)
	return Key{func() []byte { return kept }}
}

func (k Key) bytes() []byte {
	if k.reveal == nil {
		return nil
	}
	return k.reveal()
}

// minLookupKey is what a Fast demands of its LookupKey, in bytes.
const minLookupKey = 32

// checkLookup says what is wrong with a LookupKey.
func checkLookup(k Key) error {
	b := k.bytes()
	if len(b) < minLookupKey || bytes.Count(b, b[:1]) == len(b) {
		return invalidf("a LookupKey of %d bytes; it has %d or more, at random, see hallpass.GenerateKey", len(b), minLookupKey)
	}
	return nil
}

var _ hallpass.Legacy = (*Set)(nil)
