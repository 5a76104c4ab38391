package hallpass

import (
	"iter"
	"math/bits"
	"strings"
)

// A Permission is one right, such as "repository:write". Its text has 1 to 64 bytes of [a-z0-9:._-]. It is compared as a
// whole: "repository" says nothing of "repository:write", save what the [Catalog] says that a permission implies.
type Permission string

// A Scope is an immutable set of permissions out of one [Catalog]. It is comparable: two scopes are equal if and only if they
// grant the same permissions of the same catalog. The zero Scope permits nothing. [Catalog.Scope] makes one.
type Scope struct {
	catalog *Catalog
	granted set
}

// Permits reports whether p was granted, or is implied by a permission that was. It is false for a permission that the
// catalog does not know.
func (s Scope) Permits(p Permission) bool {
	if s.catalog == nil {
		return false
	}
	i, ok := s.catalog.index[p]
	return ok && s.granted.intersects(s.catalog.givenBy[i])
}

// Granted yields the permissions as they were granted, sorted, without the implied ones.
func (s Scope) Granted() iter.Seq[Permission] {
	return func(yield func(Permission) bool) {
		for i := range s.granted.all() {
			if !yield(s.catalog.defs[i].Permission) {
				return
			}
		}
	}
}

// String returns the granted permissions, sorted, with a space between them, such as "pipeline:write repository", and "" for
// the zero Scope. [Catalog.ParseScope] is its inverse.
func (s Scope) String() string {
	var b strings.Builder
	for p := range s.Granted() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(p))
	}
	return b.String()
}

// MarshalText returns the text of [Scope.String]. There is no UnmarshalText, for a text alone does not say which catalog
// it is of.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A set is a set of up to 128 small numbers: the places of permissions in a Catalog.
type set [2]uint64

func (s *set) add(i int)            { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool        { return s[i/64]&(1<<(i%64)) != 0 }
func (s set) intersects(o set) bool { return s[0]&o[0]|s[1]&o[1] != 0 }
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(w*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}
