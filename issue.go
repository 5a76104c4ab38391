package hallpass

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Grant is what a token is issued with. Nothing of it can be changed later.
type Grant struct {
	Name        string       // what the token is for: 1 to 128 bytes of printable UTF-8 without space around it
	CreatedBy   string       // who asked for it, opaque, in the same form
	Resource    Resource     // what it is bound to; what In says does not matter
	Permissions []Permission // its scope: at least one, each once, all of which the kind of token may hold
	RevokeAt    time.Time    // when it stops by itself; zero: never, which is the rule
	Replaces    ID           // set by Rotate, for Policy to see; Issue refuses it
}

// An Issuer issues and ends tokens in a store of the host's choice, as a rule one inside the host's own transaction, so that
// a token and the row that it belongs to are committed together. [Authority.With] makes one. It checks no tokens: that is
// never done inside a transaction. It is as safe for concurrent use as its store.
type Issuer struct {
	a     *Authority
	store Store
}

// With returns an Issuer that writes to s, under the keys, the catalog and the policy of a. Audit events come when
// s has written; whether the host then commits, hallpass does not know.
func (a *Authority) With(s Store) *Issuer { return &Issuer{a, s} }

// Issue makes a token and returns it with its secret, which nothing can show again: hand it over and forget it. The error
// wraps [ErrInvalid] if the grant is not sound, the error of Policy if that refused, or [ErrUnavailable], after which a token
// may be there whose secret nobody has.
//
// Issue does not know who asks. Check, in Policy or before, that this person may do there what the token is to do.
func (a *Authority) Issue(ctx context.Context, g Grant) (Token, Secret, error) {
	return a.With(a.cfg.Store).Issue(ctx, g)
}

// Issue is [Authority.Issue] on the Issuer's store.
func (i *Issuer) Issue(ctx context.Context, g Grant) (Token, Secret, error) {
	g = g.normal()
	at := now()
	scope, err := i.a.validate(g, at)
	if err != nil {
		return Token{}, Secret{}, err
	}
	if err := i.a.consult(ctx, g); err != nil {
		return Token{}, Secret{}, err
	}
	// The ID of another token is as likely as its secret. If it comes again and again, the store is at fault.
	for range 3 {
		r, secret := i.a.newRecord(g, scope, at)
		err = write(ctx, i.store, Change{New: r})
		if err == nil {
			t := i.a.token(r)
			i.a.observe(ctx, Event{Kind: Issued, Token: t})
			return t, secret, nil
		}
		if err != ErrExists {
			break
		}
	}
	return Token{}, Secret{}, inexplicable(err)
}

// normal returns g as it is kept, with nothing that the caller may change later.
func (g Grant) normal() Grant {
	g.Resource = g.Resource.Identity()
	g.Permissions = slices.Clone(g.Permissions)
	g.RevokeAt = timeOf(micros(g.RevokeAt))
	return g
}

// validate says what is wrong with g, or returns its scope.
func (a *Authority) validate(g Grant, at time.Time) (Scope, error) {
	if err := g.Resource.Validate(); err != nil {
		return Scope{}, err
	}
	if badText(g.Name) {
		return Scope{}, invalidf("Grant.Name; %s", textRule)
	}
	if badText(g.CreatedBy) {
		return Scope{}, invalidf("Grant.CreatedBy; %s", textRule)
	}
	if g.Replaces != "" {
		return Scope{}, invalidf("Grant.Replaces is set; Rotate replaces tokens, Issue does not")
	}
	if !g.RevokeAt.IsZero() && (!g.RevokeAt.After(at) || g.RevokeAt.After(lastTime)) {
		return Scope{}, invalidf("Grant.RevokeAt; it is zero, or lies ahead and before the year 10000")
	}
	scope, err := a.cfg.Catalog.Scope(g.Permissions...)
	if err != nil {
		return Scope{}, err
	}
	for i := range scope.granted.all() {
		d := a.cfg.Catalog.defs[i]
		if !a.cfg.Catalog.heldBy[g.Resource.Kind()].has(i) {
			return Scope{}, invalidf("a %v token may not hold permission %q", g.Resource.Kind(), d.Permission)
		}
		if d.Retired {
			return Scope{}, invalidf("permission %q is retired: tokens that have it keep it, none is issued with it", d.Permission)
		}
	}
	return scope, nil
}

// consult asks the host's policy.
func (a *Authority) consult(ctx context.Context, g Grant) (err error) {
	if a.cfg.Policy == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = unavailable("the policy", fmt.Errorf("it panicked: %v", p))
		}
	}()
	if err := a.cfg.Policy(ctx, g); err != nil {
		return fmt.Errorf("hallpass: refused by policy: %w", err)
	}
	return nil
}

// newRecord makes the record of a new token, and its secret.
func (a *Authority) newRecord(g Grant, scope Scope, at time.Time) (*Record, Secret) {
	id, body, secret := a.format.mint()
	r := &Record{
		Token: Token{
			ID:        id,
			Name:      g.Name,
			Resource:  g.Resource,
			CreatedBy: g.CreatedBy,
			CreatedAt: at,
			RevokedAt: g.RevokeAt,
			Replaces:  g.Replaces,
		},
		ScopeText: scope.String(),
	}
	d := digest(body)
	a.seal(r, &d)
	return r, secret
}

// inexplicable is for an answer of a store that has no reason to give it.
func inexplicable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return unavailable("the store", err)
}

// lastTime is the end of what a time may be here: it can be written in every usual form.
var lastTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

const textRule = "it is 1 to 128 bytes of valid UTF-8, every character printable, without space around it"

func badText(s string) bool {
	return s == "" || len(s) > maxLength || !utf8.ValidString(s) || strings.TrimSpace(s) != s ||
		strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
