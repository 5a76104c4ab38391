package hallpass

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
)

// A Legacy knows the tokens that a host issued before it had hallpass: what they look like and how their digests were made. It
// keeps nothing and decides nothing: the records are in the [Store], as those of other tokens, after [Authority.Import].
// Package legacyhash makes one for the usual tables. Every method is safe for concurrent use. What has the prefix of
// Config.Prefix never reaches a Legacy, and a panic of it is [ErrUnavailable].
type Legacy interface {
	// Candidates returns the IDs that a token with this text may be kept under, the likeliest first, and none for a text of no
	// known shape. No more than 4 are looked at. It does no I/O and nothing slow, and the IDs share no memory with text.
	Candidates(text string) []ID

	// Material returns what, for a token of this scheme, the digest is made of that is kept here: for one that was kept as a fast
	// digest, that digest; for one that was kept as a slow hash, its secret. It returns nil for what it does not know. It is fast.
	Material(scheme, text string) []byte

	// Verify reports whether hash, which was imported under this ID and scheme, is that of the secret in text. It may be slow, and
	// has to bound how much it does at once. An error means that it could not tell, and becomes ErrUnavailable.
	Verify(ctx context.Context, id ID, scheme, hash, text string) (bool, error)
}

const (
	maxCandidates = 4    // store reads for one text
	maxLegacyText = 1024 // bytes of a text that a Legacy is asked about
)

// Where a token was imported, Extra says from what: legacyMark, the scheme, and for a token that was kept as a slow hash a
// fingerprint of that hash and, until the token is first used, the hash itself, all with a space between. That of any other
// token is empty.
const legacyMark = "legacy/1 "

// An origin is what Extra says of a token that was imported. The zero origin is that of any other.
type origin struct {
	scheme      string
	fingerprint string // of the slow hash; "" if there never was one
	hash        string // the slow hash, until first use
}

func (r *Record) origin() (o origin) {
	rest, ok := strings.CutPrefix(r.Extra, legacyMark)
	if !ok {
		return origin{}
	}
	o.scheme, rest, _ = strings.Cut(rest, " ")
	o.fingerprint, o.hash, _ = strings.Cut(rest, " ")
	return o
}

func (o origin) extra() string {
	return strings.TrimRight(legacyMark+o.scheme+" "+o.fingerprint+" "+o.hash, " ")
}

// imported reports whether r is of a token that was imported. No text of native shape opens it, and only such a record is
// opened by another.
func (r *Record) imported() bool { return strings.HasPrefix(r.Extra, legacyMark) }

// candidates returns the IDs of imported tokens that text may be the secret of.
func (a *Authority) candidates(text string) (ids []ID, err error) {
	if a.cfg.Legacy == nil || text == "" || len(text) > maxLegacyText || strings.HasPrefix(text, string(a.format)) {
		return nil, nil
	}
	defer catchLegacy(&err)
	for i, id := range a.cfg.Legacy.Candidates(text) {
		if i == maxCandidates {
			break
		}
		if !badTokenID(id) && !nativeID(id) && !slices.Contains(ids, id) {
			// It goes into events, and may share memory with the secret.
			ids = append(ids, ID(strings.Clone(string(id))))
		}
	}
	return ids, nil
}

// authenticateLegacy is authenticate for a text that is not of native shape.
func (a *Authority) authenticateLegacy(ctx context.Context, text string) (*verdict, error) {
	ids, err := a.candidates(text)
	if err == nil && len(ids) == 0 {
		a.malformed.Add(1)
		return nil, ErrUnauthenticated
	}
	e := Event{Kind: Unavailable, Err: err}
	if err == nil {
		var v *verdict
		if v, e = a.openLegacy(ctx, ids, text); v != nil {
			if a.uses != nil {
				a.uses.mark(v)
			}
			return v, nil
		}
	}
	a.observe(ctx, e)
	return nil, e.Err
}

// openLegacy returns the verdict on the first of the records that text opens, or what to tell the host instead. What is fast
// comes before what is slow, so that a token that was used before costs nothing slow because of another with its selector.
func (a *Authority) openLegacy(ctx context.Context, ids []ID, text string) (*verdict, Event) {
	no := Event{Kind: Rejected, Token: Token{ID: ids[0]}, Reason: ReasonUnknown, Err: ErrUnauthenticated}
	var slow []*verdict
	for _, id := range ids {
		v, reason, err := a.look(ctx, id, a.memory.of(id))
		if err == ErrUnauthenticated {
			no.refine(Token{ID: id}, reason)
			continue
		}
		if err != nil {
			return nil, Event{Kind: Unavailable, Token: Token{ID: id}, Err: err}
		}
		if !v.record.imported() {
			continue // to a text of this shape there is no such token
		}
		if v.record.tombstone() {
			no.refine(v.token(), ReasonRevoked)
			continue
		}
		if v.record.origin().hash != "" {
			slow = append(slow, v)
			continue
		}
		d, err := a.legacyDigest(v, text)
		if err != nil {
			return nil, Event{Kind: Unavailable, Token: v.token(), Err: err}
		}
		if d == nil || subtle.ConstantTimeCompare(d[:], v.digest[:]) != 1 {
			no.refine(v.token(), ReasonWrongSecret)
			continue
		}
		if v.record.Token.ended() {
			no.refine(v.token(), ReasonRevoked)
			continue
		}
		return v, Event{}
	}
	for _, v := range slow {
		reason, err := a.openSlow(ctx, v, text)
		if err == nil {
			return v, Event{}
		}
		if err == ErrUnauthenticated {
			no.refine(v.token(), reason)
			continue
		}
		// Whether another opens can still be told. If none does, nobody knows.
		no = Event{Kind: Unavailable, Token: v.token(), Err: err}
	}
	return nil, no
}

// openSlow finds out whether text opens v, whose digest is a slow hash still, and if so upgrades its record.
func (a *Authority) openSlow(ctx context.Context, v *verdict, text string) (reason string, err error) {
	// One that has stopped costs nothing slow. Its ID, and so that it has, is no secret.
	if v.record.Token.ended() {
		return ReasonRevoked, ErrUnauthenticated
	}
	d, err := a.legacyDigest(v, text)
	if err != nil {
		return "", err
	}
	if d == nil {
		return ReasonWrongSecret, ErrUnauthenticated
	}
	ok, err := a.verifySlow(ctx, v, text)
	if err != nil {
		return "", err
	}
	if !ok {
		return ReasonWrongSecret, ErrUnauthenticated
	}
	if v.record.Token.ended() { // meanwhile
		return ReasonRevoked, ErrUnauthenticated
	}
	a.upgrade(ctx, v, d)
	return "", nil
}

// verifySlow asks the Legacy.
func (a *Authority) verifySlow(ctx context.Context, v *verdict, text string) (ok bool, err error) {
	defer catchLegacy(&err)
	o := v.record.origin()
	ok, err = a.cfg.Legacy.Verify(ctx, v.record.Token.ID, o.scheme, o.hash, text)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return false, unavailable("the legacy hash", err)
	}
	return ok, nil
}

// upgrade puts a digest in the place of the slow hash of v, once its secret is known to be right. If the write fails, or somebody was
// faster, perhaps with a revocation, nothing has changed, and the next check tries again.
func (a *Authority) upgrade(ctx context.Context, v *verdict, digest *[32]byte) {
	old, n := v.record, v.record
	o := n.origin()
	o.hash = ""
	n.Extra = o.extra()
	a.seal(&n, digest)
	_ = write(ctx, a.cfg.Store, Change{&old, &n})
}

// legacyDigest returns the digest of the token that text is, were it that of v, or nil if it cannot be.
func (a *Authority) legacyDigest(v *verdict, text string) (d *[32]byte, err error) {
	defer catchLegacy(&err)
	m := a.cfg.Legacy.Material(v.record.origin().scheme, text)
	if len(m) == 0 {
		return nil, nil
	}
	sum := digestOfMaterial(v.record.Token.ID, m)
	return &sum, nil
}

// refine makes e tell of t, if that says more than what it tells of now.
func (e *Event) refine(t Token, reason string) {
	if e.Kind == Rejected && slices.Index(telling, reason) > slices.Index(telling, e.Reason) {
		e.Token, e.Reason = t, reason
	}
}

// telling is all reasons of a Rejected event, an alarm last.
var telling = []string{ReasonUnknown, ReasonWrongSecret, ReasonRevoked, ReasonTampered}

// catchLegacy makes an error of a panic. It is deferred.
func catchLegacy(err *error) {
	if p := recover(); p != nil {
		// It may hold what was presented, so what it says is not repeated.
		*err = unavailable("the legacy hash", fmt.Errorf("it panicked: %T", p))
	}
}

// nativeID reports whether id has the shape of one that hallpass makes.
func nativeID(id ID) bool {
	if len(id) != idLength {
		return false
	}
	for i := range len(id) {
		if !inAlphabet[id[i]] {
			return false
		}
	}
	return true
}
