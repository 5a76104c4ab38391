package legacyhash

import (
	"slices"
	"strings"
)

// Slow describes a scheme of salted hashes that take much time on purpose. What hash it is, each stored text says itself:
//
//	$2a$, $2b$ or $2y$   bcrypt, up to cost 16; a secret of more than 72 bytes is refused, for bcrypt sees no more
//	$argon2id$v=19$      argon2id, up to 256 MiB, 16 passes and 16 lanes
//	$pbkdf2-sha256$      PBKDF2, as [PBKDF2] writes it; sha1 and sha512 too
//	pbkdf2_sha256$       PBKDF2, as Django writes it; sha1 too
//
// A token has to carry a selector, for a salted hash cannot be looked up by.
type Slow struct {
	Name   string  // of the scheme, 1 to 32 of [0-9a-z_-]; IDs begin with it
	Shapes []Shape // what its tokens look like: any of these

	// Split returns the selector of a token, which is 1 to 64 of [0-9A-Za-z_-], and the secret that was hashed; it is called for what has
	// one of the Shapes. It has to be a pure function. Give no two texts one selector and one secret, or both are good.
	Split func(text string) (selector, secret string, ok bool)

	// Shared is how many tokens may have the same selector, up to 4. If 0, one.
	Shared int
}

// Scheme returns the scheme that s describes. The error wraps [hallpass.ErrInvalid], and says what is wrong.
func (s Slow) Scheme() (*Scheme, error) {
	if err := checkCommon(s.Name, s.Shapes); err != nil {
		return nil, err
	}
	if s.Split == nil {
		return nil, invalidf("Slow.Split is nil; it is required, see SplitAt")
	}
	if s.Shared < 0 || s.Shared > maxShared {
		return nil, invalidf("Slow.Shared %d; it is 0 to %d", s.Shared, maxShared)
	}
	return &Scheme{name: s.Name, shapes: slices.Clone(s.Shapes), split: s.Split, check: parse, shared: max(s.Shared, 1)}, nil
}

// parse returns what verifies secrets against a stored text. Its errors show nothing of it.
func parse(stored string) (verify, error) {
	switch {
	case strings.HasPrefix(stored, "$2"):
		return parseBcrypt(stored)
	case strings.HasPrefix(stored, "$argon2id$"):
		return parseArgon2id(stored)
	case strings.HasPrefix(stored, "$pbkdf2-"):
		return parsePBKDF2(stored)
	case strings.HasPrefix(stored, "pbkdf2_"):
		return parseDjango(stored)
	}
	return nil, invalidf("a slow hash of a kind that is not known; it is bcrypt, argon2id or PBKDF2, see Slow")
}
