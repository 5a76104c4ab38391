package hallpass

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// Revoke ends a token at once. When it returns nil that is durable on the server of the store, no check that starts from then
// on allows the token, and nothing undoes it; revoking an ended token is nil too. The token may lie anywhere within the
// given resource; outside it, it is not found, so that an ID of another tenant is worth nothing. Revoking a token that was
// rotated does not end its replacement.
//
// The error wraps [ErrNotFound], [ErrInvalid] for a zero within, or [ErrUnavailable]: then the outcome is unknown, and calling
// again is safe. A record that was tampered with can be revoked as any other.
func (a *Authority) Revoke(ctx context.Context, within Resource, id ID) error {
	return a.With(a.cfg.Store).Revoke(ctx, within, id)
}

// Revoke is [Authority.Revoke] on the Issuer's store.
func (i *Issuer) Revoke(ctx context.Context, within Resource, id ID) error {
	r, _, err := i.find(ctx, within, id)
	if err != nil && err != ErrTampered {
		return err
	}
	_, _, err = i.end(ctx, r)
	return err
}

// RevokeExposed ends the token whose secret this is, and returns it as it then is: whoever holds a leaked secret may end it,
// such as a scanner that found it. If it returns [ErrUnauthenticated], no live token has this secret, and there is
// nothing to do. Otherwise the error wraps [ErrUnavailable], as that of Revoke.
func (a *Authority) RevokeExposed(ctx context.Context, secret string) (Token, error) {
	t, err := a.Authenticate(ctx, secret)
	if err != nil {
		return Token{}, err
	}
	i := a.With(a.cfg.Store)
	r, _, err := i.find(ctx, t.Resource, t.ID)
	if err != nil && err != ErrTampered {
		return Token{}, err
	}
	if r, _, err = i.end(ctx, r); err != nil {
		return Token{}, err
	}
	t, _ = a.listed(r)
	return t, nil
}

// RevokeAll ends all tokens that are bound to r and returns how many it ended: of a workspace, all in it; of a project, its
// own, for its repositories may lie elsewhere tomorrow. It goes on until it has seen, twice in a row, the same tokens
// and none of them live, so that no rotation that races with it gets away. A token that is issued meanwhile may: delete or lock the
// resource first, so that Policy refuses, then call it. Do so on deletion and on a transfer to another workspace. Should one get
// away all the same, an ID that is never used again makes it harmless.
//
// The error wraps [ErrInvalid] for the zero Resource, or [ErrUnavailable]: then some are ended, and calling again is safe.
func (a *Authority) RevokeAll(ctx context.Context, r Resource) (int, error) {
	return a.With(a.cfg.Store).RevokeAll(ctx, r)
}

// RevokeAll is [Authority.RevokeAll] on the Issuer's store.
func (i *Issuer) RevokeAll(ctx context.Context, r Resource) (int, error) {
	if err := r.Validate(); err != nil {
		return 0, err
	}
	const passes = 100
	total := 0
	var before [sha256.Size]byte
	for range passes {
		met, ended, left, err := i.pass(ctx, r)
		total += ended
		if err != nil {
			return total, err
		}
		if ended == 0 && met == before {
			return total, left
		}
		before = met
	}
	return total, unavailable("revoking all", fmt.Errorf("tokens of %q are issued as fast as they are revoked; lock it first", r))
}

// pass ends all tokens that are bound to r, once. It returns a digest of the IDs that it met, how many it ended, and why one
// that is left could not be ended. An error means that it met not all of them.
func (i *Issuer) pass(ctx context.Context, r Resource) (met [sha256.Size]byte, ended int, left, err error) {
	ids := sha256.New()
	for page, err := range pages(ctx, i.store, Query{Within: r.Identity()}) {
		if err != nil {
			return met, ended, nil, err
		}
		for _, record := range page {
			fmt.Fprintf(ids, "%s\n", record.Token.ID)
		}
		n, err := i.endAll(ctx, page)
		ended += n
		if err != nil {
			left = err
		}
	}
	ids.Sum(met[:0])
	return met, ended, left, nil
}

// endAll ends these tokens, in one write if that goes. It returns how many it ended, and why another could not be.
func (i *Issuer) endAll(ctx context.Context, page []*Record) (ended int, left error) {
	var changes []Change
	var events []Event
	for _, r := range page {
		n, e, err := i.a.endOf(r)
		if err != nil {
			left = err
		}
		if n != nil {
			changes, events = append(changes, Change{r, n}), append(events, e)
		}
	}
	if len(changes) == 0 {
		return 0, left
	}
	switch err := write(ctx, i.store, changes...); err {
	case nil:
		for _, e := range events {
			i.a.observe(ctx, e)
		}
		return len(changes), left
	case ErrConflict, ErrNotFound, errors.ErrUnsupported:
	default:
		return 0, inexplicable(err)
	}
	for _, c := range changes {
		_, done, err := i.end(ctx, c.Old)
		if done {
			ended++
		}
		if err != nil && err != ErrNotFound {
			left = err
		}
	}
	return ended, left
}

// find returns the record with this ID within a resource, and the hasher that it is under. With ErrTampered the record is
// returned too.
func (i *Issuer) find(ctx context.Context, within Resource, id ID) (*Record, hasher, error) {
	if err := within.Validate(); err != nil {
		return nil, hasher{}, err
	}
	if badTokenID(id) {
		return nil, hasher{}, fmt.Errorf("%w: %w: no token has this ID, which is %s", ErrNotFound, ErrInvalid, tokenIDRule)
	}
	r, err := read(ctx, i.store, id)
	if err != nil {
		return nil, hasher{}, err
	}
	// A resource that cannot be read any more lies nowhere. Its record is dead already; whoever finds it may end it.
	if bound := r.Token.Resource; !within.Contains(bound) && bound.Kind() != 0 {
		return nil, hasher{}, ErrNotFound
	}
	h, err := i.a.examine(r)
	return r, h, err
}

// end ends the token of r, whatever others do with it meanwhile. It returns the record as it then is, and whether it was
// this call that ended it.
func (i *Issuer) end(ctx context.Context, r *Record) (*Record, bool, error) {
	for range attempts {
		n, e, err := i.a.endOf(r)
		if n == nil {
			return r, false, err
		}
		switch err := write(ctx, i.store, Change{r, n}); err {
		case nil:
			i.a.observe(ctx, e)
			return n, true, nil
		case ErrConflict:
			if r, err = read(ctx, i.store, r.Token.ID); err != nil {
				return nil, false, err
			}
		case ErrNotFound:
			return nil, false, err
		default:
			return nil, false, inexplicable(err)
		}
	}
	return nil, false, unavailable("the store", errBusy)
}

// endOf returns what r becomes when its token is ended, and the event of that; nil if it is ended, or if the error says that
// nobody can tell.
func (a *Authority) endOf(r *Record) (*Record, Event, error) {
	if r.abandoned() {
		return nil, Event{}, nil
	}
	h, err := a.examine(r)
	if err == ErrTampered {
		n := *r
		n.Token.RevokedAt = now()
		n.Verifier, n.Seal, n.KeyID = [32]byte{}, [32]byte{}, 0
		return &n, Event{Kind: Revoked, Token: Token{ID: r.Token.ID}, Reason: ReasonTampered}, nil
	}
	if err != nil || r.tombstone() {
		return nil, Event{}, err
	}
	n := a.ending(r, h, now(), true, r.Token.ReplacedBy)
	return n, Event{Kind: Revoked, Token: a.token(n)}, nil
}

// ending returns r as a token that stops at a time: a tombstone if that is now. A revocation only ever moves earlier.
func (a *Authority) ending(r *Record, h hasher, at time.Time, immediate bool, replacedBy ID) *Record {
	n := *r
	n.Token.ReplacedBy = replacedBy
	if n.Token.RevokedAt.IsZero() || at.Before(n.Token.RevokedAt) {
		n.Token.RevokedAt = at
	}
	digest := h.digestOf(r)
	if immediate {
		digest = nil
	}
	a.seal(&n, digest)
	return &n
}
