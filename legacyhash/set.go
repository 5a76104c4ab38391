package legacyhash

import (
	"context"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// Config is what a [Set] is made of.
type Config struct {
	Schemes []*Scheme // required; each name once

	// Concurrency is how many slow hashes are computed at once; others wait. Each keeps a core busy, and argon2id takes the memory
	// that its row says. If 0, 2.
	Concurrency int

	// Failures is how many wrong secrets for one ID are tried within a minute of the first. Further checks of it are
	// [hallpass.ErrUnavailable], with any secret, until that minute is over. It concerns only tokens that were not used since they
	// were imported. If 0, 10.
	Failures int
}

// A Set knows the tokens of some schemes. It is the [hallpass.Legacy] for [hallpass.Config]. It starts no goroutine, and is safe
// for concurrent use.
type Set struct {
	schemes []*Scheme
	limits  *limits
}

// New returns the Set that cfg describes. The error wraps [hallpass.ErrInvalid]: no scheme, two of one name, a negative number, or
// schemes so alike that a text could be a token of more than 4 IDs, which is as many as hallpass looks at.
func New(cfg Config) (*Set, error) {
	if len(cfg.Schemes) == 0 || slices.Contains(cfg.Schemes, nil) {
		return nil, invalidf("Config.Schemes; there are one or more, none of them nil")
	}
	if cfg.Concurrency < 0 || cfg.Failures < 0 {
		return nil, invalidf("Config.Concurrency %d, Failures %d; they are 0 for the usual, or more", cfg.Concurrency, cfg.Failures)
	}
	for i, s := range cfg.Schemes {
		ids := 0
		for j, t := range cfg.Schemes {
			if i != j && s.name == t.name {
				return nil, invalidf("two schemes with the name %q; name each once", s.name)
			}
			if s.overlaps(t) {
				ids += t.shared
			}
		}
		if ids > maxShared {
			return nil, invalidf("a token of scheme %q may have more than %d IDs with the other schemes; their shapes are too alike", s.name, maxShared)
		}
	}
	return &Set{slices.Clone(cfg.Schemes), newLimits(cfg.Concurrency, cfg.Failures)}, nil
}

// overlaps reports whether some text may be a token of both.
func (s *Scheme) overlaps(t *Scheme) bool {
	return slices.ContainsFunc(s.shapes, func(a Shape) bool { return slices.ContainsFunc(t.shapes, a.overlaps) })
}

// Candidates implements [hallpass.Legacy].
func (s *Set) Candidates(text string) []hallpass.ID {
	var ids []hallpass.ID
	for _, scheme := range s.schemes {
		ids = append(ids, scheme.candidates(text)...)
	}
	return ids
}

// Material implements [hallpass.Legacy].
func (s *Set) Material(scheme, text string) []byte {
	found := s.scheme(scheme)
	if found == nil {
		return nil
	}
	_, secret, ok := found.secretOf(text)
	if !ok {
		return nil
	}
	if found.digest == nil {
		return []byte(secret)
	}
	return found.digest(secret)
}

// Verify implements [hallpass.Legacy]. The error says that the scheme or its hash is not known, that the context ended before it was
// this check's turn, or that there were too many failures for this ID.
func (s *Set) Verify(ctx context.Context, id hallpass.ID, scheme, hash, text string) (bool, error) {
	found := s.scheme(scheme)
	if found == nil || found.digest != nil {
		return false, fmt.Errorf("legacyhash: there is no slow scheme %q", scheme)
	}
	_, secret, ok := found.secretOf(text)
	if !ok {
		return false, nil
	}
	matches, err := found.check(hash)
	if err != nil {
		return false, err
	}
	return s.limits.run(ctx, id, func() bool { return matches(secret) })
}

func (s *Set) scheme(name string) *Scheme {
	for _, scheme := range s.schemes {
		if scheme.name == name {
			return scheme
		}
	}
	return nil
}
