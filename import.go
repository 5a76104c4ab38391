package hallpass

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"iter"
	"time"
)

// A LegacyToken is a token that a host issued before it had hallpass, for [Authority.Import].
type LegacyToken struct {
	Grant     Grant        // what it is; RevokeAt is when it ends by itself
	CreatedAt time.Time    // when the old system made it; zero: now
	Digest    LegacyDigest // what the old system kept of its secret
}

// ImportOptions change what [Authority.Import] does.
type ImportOptions struct {
	DryRun bool // everything but write; it cannot see that two tokens of the input are in each other's way
}

// An ImportStatus says what became of a token that was to be imported. The zero one is that of a token with an error.
type ImportStatus uint8

// What becomes of a token that is imported without an error. There is nothing else.
const (
	ImportAdded   ImportStatus = iota + 1 // it was written; with DryRun, it would have been
	ImportPresent                         // it was imported before, perhaps revoked since; nothing was written
	ImportEnded                           // its RevokeAt has passed; nothing was written
)

// String returns the status in lower case, and "" for any other value.
func (s ImportStatus) String() string {
	names := [...]string{"", "added", "present", "ended"}
	if int(s) >= len(names) {
		return ""
	}
	return names[s]
}

// An ImportResult says what became of one token of the input.
type ImportResult struct {
	Row    int          // its place in the input; the first is 1
	ID     ID           // under which it is kept, where it was added or present
	Status ImportStatus // 0 where the error says why not
}

// Import brings tokens here that the host issued before it had hallpass, so that whoever holds one goes on using it. It yields one
// result for each, in their order, and does its work as it is ranged over, one token at a time. Importing again what was imported
// before writes nothing: a run that broke off is simply run again, and a token that was revoked or rotated since stays so. Freeze
// the old table first: what changes there later does not change here.
//
// An error is that of its token, and the import goes on, if it wraps [ErrInvalid], for a grant that Issue would refuse or a
// digest that is not sound; [ErrConflict], where another token has its IDs, or where it is here with another grant, for no token is
// edited; or [ErrTampered], where it cannot be told who has them. An error of the input that wraps ErrInvalid is likewise that of
// one token. Any other error of the input is yielded as it is, and ends the import. So does one that wraps
// [ErrUnavailable]: start again. It is ErrInvalid, and the end, where Config.Legacy is nil.
//
// Policy is not asked, for the tokens exist already: leave out those that should not. Whether Config.Legacy knows their scheme
// is not looked at either: authenticate with one of them. Each token that is added causes an [Issued] event with [ReasonImported].
func (a *Authority) Import(ctx context.Context, tokens iter.Seq2[LegacyToken, error], opts ImportOptions) iter.Seq2[ImportResult, error] {
	return func(yield func(ImportResult, error) bool) {
		if a.cfg.Legacy == nil {
			yield(ImportResult{}, invalidf("Config.Legacy is nil; nobody could check a token that is imported"))
			return
		}
		row := 0
		for t, err := range tokens {
			row++
			result := ImportResult{Row: row}
			last := err != nil && !errors.Is(err, ErrInvalid)
			if err == nil {
				result.ID, result.Status, err = a.bring(ctx, t, opts.DryRun)
				last = errors.Is(err, ErrUnavailable)
			}
			if !yield(result, err) || last {
				return
			}
		}
	}
}

// bring imports one token.
func (a *Authority) bring(ctx context.Context, t LegacyToken, dry bool) (ID, ImportStatus, error) {
	at := now()
	g := t.Grant.normal()
	if !g.RevokeAt.IsZero() && !g.RevokeAt.After(at) {
		return "", ImportEnded, nil
	}
	scope, err := a.validate(g, at)
	if err != nil {
		return "", 0, err
	}
	created := timeOf(micros(t.CreatedAt))
	if micros(created) < 0 || created.After(at) {
		return "", 0, invalidf("LegacyToken.CreatedAt; it is zero, or lies between 1970 and now")
	}
	d, err := t.Digest.sound()
	if err != nil {
		return "", 0, err
	}
	want := Record{
		Token:     Token{Name: g.Name, Resource: g.Resource, CreatedBy: g.CreatedBy, CreatedAt: created, RevokedAt: g.RevokeAt},
		ScopeText: scope.String(),
	}
	for range attempts {
		id, status, err := a.place(ctx, d, &want)
		if err != nil || status == ImportPresent || dry {
			return id, status, err
		}
		r := a.legacyRecord(d, id, want, at)
		switch err := write(ctx, a.cfg.Store, Change{New: r}); err {
		case nil:
			a.observe(ctx, Event{Kind: Issued, Token: a.token(r), Reason: ReasonImported})
			return id, ImportAdded, nil
		case ErrExists: // somebody else imports too
		default:
			return "", 0, inexplicable(err)
		}
	}
	return "", 0, unavailable("the store", errBusy)
}

// legacyRecord makes the record of a token that is imported.
func (a *Authority) legacyRecord(d legacyParts, id ID, want Record, at time.Time) *Record {
	r := want
	r.Token.ID = id
	if r.Token.CreatedAt.IsZero() {
		r.Token.CreatedAt = at
	}
	o := origin{scheme: d.scheme}
	var digest [32]byte
	if d.hash != "" {
		// Until the secret is known, there is a digest that no secret has: without one, this would be a tombstone.
		o.fingerprint, o.hash = fingerprintOf(d.hash), d.hash
		rand.Read(digest[:])
	} else {
		digest = digestOfMaterial(id, d.digest)
	}
	r.Extra = o.extra()
	a.seal(&r, &digest)
	return &r
}

// place returns the ID under which the token is kept, or may be. All its IDs are looked at before one is taken, so that it never
// gets a second.
func (a *Authority) place(ctx context.Context, d legacyParts, want *Record) (ID, ImportStatus, error) {
	var free ID
	taken := fmt.Errorf("%w: another token has the ID %q", ErrConflict, d.ids)
	unclear := false
	for _, id := range d.ids {
		r, err := read(ctx, a.cfg.Store, id)
		if err == ErrNotFound {
			if free == "" {
				free = id
			}
			continue
		}
		if err != nil {
			return "", 0, err
		}
		h, err := a.examine(r)
		if err == ErrTampered { // it may have been this one, and revoked
			taken, unclear = fmt.Errorf("%w: the record %q, so that nobody can tell whose it was", ErrTampered, id), true
			continue
		}
		if err != nil {
			return "", 0, err
		}
		if !d.isOf(r, h) {
			continue
		}
		if !alike(r, want) {
			return "", 0, fmt.Errorf("%w: %q was imported with another grant, and no token is edited", ErrConflict, id)
		}
		return id, ImportPresent, nil
	}
	if free == "" || unclear {
		return "", 0, taken
	}
	return free, ImportAdded, nil
}

// isOf reports whether r is the record of this token. Of a tombstone of a fast scheme, whose ID belongs to one token, nobody can tell
// more than that.
func (d legacyParts) isOf(r *Record, h hasher) bool {
	o := r.origin()
	if o.scheme != d.scheme {
		return false
	}
	if d.hash != "" {
		return o.fingerprint == fingerprintOf(d.hash)
	}
	if r.tombstone() {
		return o.fingerprint == ""
	}
	have, give := *h.digestOf(r), digestOfMaterial(r.Token.ID, d.digest)
	return subtle.ConstantTimeCompare(have[:], give[:]) == 1
}

// alike reports whether r says what an import would write, but for when it ends.
func alike(r, want *Record) bool {
	have := r.Token
	wanted := want.Token
	return have.Name == wanted.Name && have.Resource == wanted.Resource && have.CreatedBy == wanted.CreatedBy && r.ScopeText == want.ScopeText &&
		(wanted.CreatedAt.IsZero() || wanted.CreatedAt.Equal(have.CreatedAt))
}
