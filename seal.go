package hallpass

import (
	"crypto/subtle"
	"errors"
)

// open returns the verdict on r, if it is good, and remembers it; last is the one that was remembered, or nil. Its errors are
// those of examine.
func (a *Authority) open(r *Record, last *verdict) (*verdict, error) {
	if last != nil && last.holds(r) {
		return last, nil
	}
	h, err := a.examine(r)
	if err != nil {
		return nil, err
	}
	v := &verdict{
		record: *r,
		scope:  a.token(r).Scope,
		digest: xor(r.Verifier, h.pad(r.Token.ID)),
	}
	a.memory.put(v)
	return v, nil
}

var errUnknownKey = errors.New("a record is under a key that is not among Config.Keys")

// examine finds out whether r is as an Authority with these keys and this realm wrote it, and returns the hasher that it is
// under. The error is ErrTampered, or wraps ErrUnavailable where the key is unknown: that is a mistake of whoever deployed the
// keys, and the token may be good.
func (a *Authority) examine(r *Record) (hasher, error) {
	if r.Format != format1 || r.KeyID == 0 || !r.canonical() {
		return hasher{}, ErrTampered
	}
	for _, h := range a.hashers {
		if h.keyID != r.KeyID {
			continue
		}
		seal := h.seal(r)
		if subtle.ConstantTimeCompare(seal[:], r.Seal[:]) != 1 {
			return hasher{}, ErrTampered
		}
		return h, nil
	}
	return hasher{}, unavailable("the key is unknown", errUnknownKey)
}

// token returns the Token of a good record, with what of its scope still grants something.
func (a *Authority) token(r *Record) Token {
	t := r.Token
	t.Scope = a.cfg.Catalog.load(r.ScopeText, t.Resource.Kind())
	return t
}

// seal puts r under the current key. The digest is that of its ID and secret; nil makes r a tombstone.
func (a *Authority) seal(r *Record, digest *[32]byte) {
	h := a.hashers[0]
	r.Format, r.KeyID, r.Verifier = format1, h.keyID, [32]byte{}
	if digest != nil {
		r.Verifier = xor(*digest, h.pad(r.Token.ID))
	}
	r.Seal = h.seal(r)
}

// digestOf returns the digest of the ID and secret of r, which h sealed, for seal: nil for a tombstone, which stays one.
func (h hasher) digestOf(r *Record) *[32]byte {
	if r.tombstone() {
		return nil
	}
	d := xor(r.Verifier, h.pad(r.Token.ID))
	return &d
}

// tombstone reports whether r says that its token was ended at once: there is no verifier for a secret to match.
func (r *Record) tombstone() bool { return r.Verifier == [32]byte{} }

// abandoned reports whether r was found tampered with and then ended: nothing vouches for what it says, and nothing opens it.
func (r *Record) abandoned() bool {
	return r.KeyID == 0 && r.tombstone() && r.Seal == [32]byte{}
}
