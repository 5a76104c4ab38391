package hallpass

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A LegacyDigest is what an old table keeps in the place of a token's secret, with the ID that the token gets here. It holds a
// func, so that no formatter shows it. Package legacyhash makes them from rows of the usual tables. [Authority.Import] refuses
// the zero one, and one that is not sound. It is safe for concurrent use.
type LegacyDigest struct {
	parts func() legacyParts
}

type legacyParts struct {
	scheme string
	ids    []ID
	digest []byte // of a fast scheme
	hash   string // of a slow one
}

// NewLegacyDigest returns one of a scheme that is fast: a digest that the text of a token always gives. It has 16 to 64 bytes,
// of which a copy is made. What is stored of it is hidden under the key: nobody can read it in the database, or confirm a guess.
func NewLegacyDigest(scheme string, id ID, digest []byte) LegacyDigest {
	p := legacyParts{scheme: scheme, ids: []ID{id}, digest: bytes.Clone(digest)}
	return LegacyDigest{func() legacyParts { return p }}
}

// NewLegacyHash returns one of a scheme that is slow and salted, such as bcrypt: hash is 1 to 512 bytes of visible ASCII. It is
// stored as it is, under the seal, until the token is first used. Where tokens may share their selector, there are up to 4 IDs,
// always in the same order, of which the token gets the first that no other token has.
func NewLegacyHash(scheme, hash string, ids ...ID) LegacyDigest {
	p := legacyParts{scheme: scheme, ids: slices.Clone(ids), hash: hash}
	return LegacyDigest{func() legacyParts { return p }}
}

// Format writes nothing of what is in d.
func (d LegacyDigest) Format(f fmt.State, _ rune) { io.WriteString(f, "hallpass.LegacyDigest{...}") }

const (
	minLegacyDigest = 16 // bytes; a shorter one is found by trying
	maxLegacyDigest = 64
	maxLegacyHash   = 512
	maxLegacyScheme = 64
)

// sound returns what d is of, or says what is wrong with it, without showing it.
func (d LegacyDigest) sound() (legacyParts, error) {
	if d.parts == nil {
		return legacyParts{}, invalidf("LegacyToken.Digest is zero; see package legacyhash")
	}
	p := d.parts()
	if badWord(p.scheme, maxLegacyScheme) {
		return legacyParts{}, invalidf("the scheme of a LegacyDigest; it is 1 to %d bytes of visible ASCII", maxLegacyScheme)
	}
	if len(p.ids) == 0 || len(p.ids) > maxCandidates {
		return legacyParts{}, invalidf("a LegacyDigest with %d IDs; it has 1 to %d", len(p.ids), maxCandidates)
	}
	for i, id := range p.ids {
		if badTokenID(id) || nativeID(id) || slices.Contains(p.ids[:i], id) {
			return legacyParts{}, invalidf("an ID of a LegacyDigest; each is another one, %s, and none has the %d letters and digits of an ID of hallpass",
				tokenIDRule, idLength)
		}
	}
	if p.hash == "" && (len(p.digest) < minLegacyDigest || len(p.digest) > maxLegacyDigest) {
		return legacyParts{}, invalidf("a legacy digest of %d bytes; it has %d to %d", len(p.digest), minLegacyDigest, maxLegacyDigest)
	}
	if p.hash != "" && badWord(p.hash, maxLegacyHash) {
		return legacyParts{}, invalidf("a legacy hash; it is 1 to %d bytes of visible ASCII", maxLegacyHash)
	}
	return p, nil
}

// badWord reports whether s cannot stand between spaces.
func badWord(s string, most int) bool {
	return s == "" || len(s) > most || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
