package hallpass

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// attempts is how often a write is tried that others get in the way of. Each failure is the success of another, and a token
// can only be changed a few times.
const attempts = 16

// Rotate issues a token in the place of another one, with the same resource, name and creator and with what still grants something
// of its scope, and ends the old one: after overlap, or at once if that is 0. One write does both. Where the life of the old
// token was bounded by [Grant].RevokeAt, the new one gets a life of the same length. Policy is asked.
//
// The error wraps [ErrNotFound] if there is no such token within, [ErrConflict] if it was revoked or rotated before,
// [ErrTampered], [ErrInvalid] for a zero within, a negative overlap or a scope that no longer grants anything, the error of
// Policy, or [ErrUnavailable], after which there may be a replacement whose secret nobody has.
func (a *Authority) Rotate(ctx context.Context, within Resource, id ID, overlap time.Duration) (Token, Secret, error) {
	return a.With(a.cfg.Store).Rotate(ctx, within, id, overlap)
}

// Rotate is [Authority.Rotate] on the Issuer's store.
func (i *Issuer) Rotate(ctx context.Context, within Resource, id ID, overlap time.Duration) (Token, Secret, error) {
	if overlap < 0 {
		return Token{}, Secret{}, invalidf("a negative overlap; it is 0 or more")
	}
	overlap = overlap.Truncate(time.Microsecond)
	for range attempts {
		r, h, err := i.find(ctx, within, id)
		if err != nil {
			return Token{}, Secret{}, err
		}
		at := now()
		g, scope, err := i.a.renewal(r, at)
		if err != nil {
			return Token{}, Secret{}, err
		}
		if err := i.a.consult(ctx, g); err != nil {
			return Token{}, Secret{}, err
		}
		fresh, secret := i.a.newRecord(g, scope, at)
		err = i.replace(ctx, Change{Old: r, New: i.a.ending(r, h, at.Add(overlap), overlap == 0, fresh.Token.ID)}, fresh)
		switch err {
		case nil:
			t := i.a.token(fresh)
			i.a.observe(ctx, Event{Kind: Rotated, Token: t})
			return t, secret, nil
		case ErrConflict, ErrExists, ErrNotFound:
			continue // who loses reads again
		}
		return Token{}, Secret{}, inexplicable(err)
	}
	return Token{}, Secret{}, unavailable("the store", errBusy)
}

var errBusy = errors.New("it reports a conflict again and again")

// renewal returns what the replacement of r is issued with, or why there can be none.
func (a *Authority) renewal(r *Record, at time.Time) (Grant, Scope, error) {
	t := a.token(r)
	if r.tombstone() || t.ended() {
		return Grant{}, Scope{}, fmt.Errorf("%w: the token was revoked", ErrConflict)
	}
	if t.ReplacedBy != "" {
		return Grant{}, Scope{}, fmt.Errorf("%w: the token was rotated before; rotate its replacement", ErrConflict)
	}
	g := Grant{
		Name:        t.Name,
		CreatedBy:   t.CreatedBy,
		Resource:    t.Resource,
		Permissions: slices.Collect(t.Scope.Granted()),
		Replaces:    t.ID,
	}
	if len(g.Permissions) == 0 {
		return Grant{}, Scope{}, invalidf("the token's scope grants nothing any more; issue another one")
	}
	if !t.RevokedAt.IsZero() {
		// Not by Sub: a time.Duration ends at 292 years.
		g.RevokeAt = timeOf(micros(at) + micros(t.RevokedAt) - micros(t.CreatedAt))
		if g.RevokeAt.After(lastTime) {
			return Grant{}, Scope{}, invalidf("a token of the same length of life would end after the year 9999; issue another one")
		}
	}
	return g, t.Scope, nil
}

// replace writes the end of the old token and the fresh one, both or neither. Where the store cannot do that, the fresh one is
// created first and revoked if the other write fails: its secret has not been handed out.
func (i *Issuer) replace(ctx context.Context, old Change, fresh *Record) error {
	err := write(ctx, i.store, old, Change{New: fresh})
	if err != errors.ErrUnsupported {
		return err
	}
	if err := write(ctx, i.store, Change{New: fresh}); err != nil {
		return err
	}
	err = write(ctx, i.store, old)
	if err != nil {
		if _, _, undone := i.end(context.WithoutCancel(ctx), fresh); undone != nil {
			return undone
		}
	}
	return err
}
