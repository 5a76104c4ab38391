package legacyhash

import (
	"strconv"

	"github.com/hallpass-go/hallpass"
)

// A Scheme is one way in which tokens were made and kept. [Fast] and [Slow] describe those of a host's own; [Gitea],
// [Sanctum], [GitLab], [Sourcegraph] and [BcryptTable] are ready-made. It is immutable, safe for concurrent use, and shows
// no key in any format.
type Scheme struct {
	name   string
	shapes []Shape
	split  func(text string) (selector, secret string, ok bool)
	digest func(secret string) []byte            // nil: the scheme is slow
	decode func(stored string) ([]byte, error)   // of a fast one
	lookup func(digest []byte) (selector string) // nil: the selector is part of the text
	shared int                                   // how many tokens may have one selector
	check  func(stored string) (verify, error)   // of a slow one
}

// A verify reports whether a secret is that of a slow hash.
type verify func(secret string) bool

// Name returns the name that the scheme was given. IDs begin with it.
func (s *Scheme) Name() string { return s.name }

// Stored returns what the old table kept of a token, for [hallpass.LegacyToken]. The selector is that of the row, and "" for a scheme
// with a LookupKey. The error wraps [hallpass.ErrInvalid] if the selector or what is stored is not of this scheme, and shows
// nothing of either.
func (s *Scheme) Stored(selector, stored string) (hallpass.LegacyDigest, error) {
	if s.digest == nil {
		if badSelector(selector) {
			return hallpass.LegacyDigest{}, errSelector
		}
		if _, err := s.check(stored); err != nil {
			return hallpass.LegacyDigest{}, err
		}
		return hallpass.NewLegacyHash(s.name, stored, s.ids(selector)...), nil
	}
	digest, err := s.decode(stored)
	if err != nil {
		return hallpass.LegacyDigest{}, err
	}
	if s.lookup != nil {
		if selector != "" {
			return hallpass.LegacyDigest{}, invalidf("a selector for a scheme with a LookupKey; it has none")
		}
		selector = s.lookup(digest)
	}
	if badSelector(selector) {
		return hallpass.LegacyDigest{}, errSelector
	}
	return hallpass.NewLegacyDigest(s.name, s.ids(selector)[0], digest), nil
}

var errSelector = invalidf("a selector; it is 1 to %d of [0-9A-Za-z_-]", maxSelector)

// ids returns the IDs of the tokens with this selector. A selector has no dot, so none is another's.
func (s *Scheme) ids(selector string) []hallpass.ID {
	first := s.name + ":" + selector
	ids := []hallpass.ID{hallpass.ID(first)}
	for n := 2; n <= s.shared; n++ {
		ids = append(ids, hallpass.ID(first+"."+strconv.Itoa(n)))
	}
	return ids
}

// secretOf returns the selector and the secret of text, and whether it has the shape of a token of s.
func (s *Scheme) secretOf(text string) (selector, secret string, ok bool) {
	matched := false
	for _, shape := range s.shapes {
		matched = matched || shape.matches(text)
	}
	if !matched {
		return "", "", false
	}
	secret = text
	if s.split != nil {
		selector, secret, ok = s.split(text)
		if !ok {
			return "", "", false
		}
	}
	return selector, secret, secret != ""
}

// candidates returns the IDs that a token with this text may have.
func (s *Scheme) candidates(text string) []hallpass.ID {
	selector, secret, ok := s.secretOf(text)
	if !ok {
		return nil
	}
	if s.lookup != nil {
		selector = s.lookup(s.digest(secret))
	}
	if badSelector(selector) {
		return nil
	}
	return s.ids(selector)
}

const (
	maxName     = 32
	maxSelector = 64
	maxShared   = 4 // hallpass looks at no more
)

func badSelector(s string) bool { return s == "" || len(s) > maxSelector || !only(s, Base64URL) }

// checkCommon says what is wrong with what every scheme has.
func checkCommon(name string, shapes []Shape) error {
	if name == "" || len(name) > maxName || !only(name, "0123456789abcdefghijklmnopqrstuvwxyz_-") {
		return invalidf("the name of a scheme; it is 1 to %d of [0-9a-z_-]", maxName)
	}
	if len(shapes) == 0 {
		return invalidf("scheme %q without a Shape; it has one or more", name)
	}
	for _, s := range shapes {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}
