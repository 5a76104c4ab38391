package hallpass

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// Config is what an [Authority] is made of. No formatter shows what is in it.
type Config struct {
	Store   Store    // where records are kept; required
	Keys    Keys     // required; see [NewKeys]
	Catalog *Catalog // the permissions that there are; nil: [Bitbucket]
	Prefix  string   // the beginning of every token, 2 to 12 of [a-z0-9]; "": "hp". Changing it ends all tokens

	// Realm is the name of this deployment, at most 128 bytes of UTF-8. It is part of every digest, so that a row that is copied
	// from staging is dead in production. Changing it ends all tokens.
	Realm string

	// Policy is the host's own rule on issuing and rotating: may this person do it, does the plan cover it, does the resource
	// exist. Its error is returned, wrapped, and nothing is stored; one that says that it could not tell should wrap
	// ErrUnavailable, and a panic counts as that. It can only refuse. It is asked before the write, not in it.
	// If nil, there is none.
	Policy func(ctx context.Context, g Grant) error

	// Legacy knows the tokens that the host issued before it had hallpass, and that [Authority.Import] brought here; see package
	// legacyhash. If nil, there are none. Those of a Legacy that goes away are refused until it is back.
	Legacy Legacy

	// Observe is told of every [Event], after the fact, on the goroutine of the caller, for the audit log. It must not block.
	// What it does, even a panic, changes no outcome. If nil, nobody is told.
	Observe func(ctx context.Context, e Event)
}

// Format writes nothing of what is in c: a store may know the password of its database.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, "hallpass.Config{...}") }

// An Authority issues tokens and checks them. It is made by [New], starts no goroutine, needs no closing, and is safe for
// concurrent use.
type Authority struct {
	cfg       Config
	format    format
	hashers   []hasher // the current key's first
	memory    *memory
	uses      *uses // nil if the store keeps none
	malformed atomic.Uint64
}

// New returns the Authority that cfg describes, without any I/O. Its errors wrap [ErrInvalid]. Ask [Authority.Check] whether
// its store answers.
func New(cfg Config) (*Authority, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "hp"
	}
	if cfg.Catalog == nil {
		cfg.Catalog = Bitbucket()
	}
	switch {
	case cfg.Store == nil:
		return nil, invalidf("Config.Store is nil; it is required, see package memstore")
	case cfg.Keys.ring == nil:
		return nil, invalidf("Config.Keys is zero; it is required, see NewKeys")
	case len(cfg.Prefix) < 2 || len(cfg.Prefix) > 12 || strings.Trim(cfg.Prefix, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
		return nil, invalidf("Config.Prefix %.12q; it is 2 to 12 of [a-z0-9]", cfg.Prefix)
	case len(cfg.Realm) > maxLength || !utf8.ValidString(cfg.Realm):
		return nil, invalidf("Config.Realm; it is at most %d bytes of UTF-8", maxLength)
	}
	a := &Authority{cfg: cfg, format: format(cfg.Prefix + "_"), memory: newMemory()}
	for _, k := range cfg.Keys.ring() {
		a.hashers = append(a.hashers, newHasher(k, cfg.Prefix, cfg.Realm))
	}
	if s, ok := cfg.Store.(UseStore); ok {
		a.uses = newUses(s)
	}
	return a, nil
}

// Format writes the prefix and nothing else.
func (a *Authority) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "hallpass.Authority(%s)", a.cfg.Prefix)
}

// Catalog returns the permissions that this Authority knows.
func (a *Authority) Catalog() *Catalog { return a.cfg.Catalog }

// Recognizes reports whether s has the shape, prefix and checksum of a token of this Authority, or a shape that Config.Legacy
// knows. It does no I/O, and does not say that there is such a token: it is for login forms, which refuse tokens as passwords,
// and for scanners and log scrubbers.
func (a *Authority) Recognizes(s string) bool {
	if _, _, ok := a.format.parse(s); ok {
		return true
	}
	ids, _ := a.candidates(s)
	return len(ids) > 0
}

// Malformed returns how many texts were refused so far for their shape alone, before the store was asked.
func (a *Authority) Malformed() uint64 { return a.malformed.Load() }

// Authenticate returns the token whose secret this is, if it is live. It allows nothing yet: that is for [Authority.Decide]
// or [Authorize] to say. The error is [ErrUnauthenticated], whatever is wrong with the secret, or wraps
// [ErrUnavailable]. The secret is taken as it is: nothing is trimmed or folded.
func (a *Authority) Authenticate(ctx context.Context, secret string) (Token, error) {
	v, err := a.authenticate(ctx, secret)
	if err != nil {
		return Token{}, err
	}
	return v.token(), nil
}

// Authorize is the host's whole check: [Authority.Authenticate], then [Authorize]. Only a nil error means yes; with any other, the
// Token is zero.
//
//	token, err := passes.Authorize(ctx, secret, hallpass.Repository("acme", "api").In("core"), hallpass.RepositoryWrite)
//
// Take what In says from your own database, never from the request.
func (a *Authority) Authorize(ctx context.Context, secret string, r Resource, p Permission, more ...Permission) (Token, error) {
	v, err := a.authenticate(ctx, secret)
	if err != nil {
		return Token{}, err
	}
	t := v.token()
	err = decide(&t, r, p, more)
	a.observeDecision(ctx, &t, r, p, more, err)
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// Decide is [Authorize] of a token that Authenticate returned for this request, with its audit event: for the second and
// further decisions of a request. It does not ask the store whether the token is still live; [Authority.Recheck] does.
func (a *Authority) Decide(ctx context.Context, t Token, r Resource, p Permission, more ...Permission) error {
	err := Authorize(t, r, p, more...)
	if err == ErrUnauthenticated {
		return a.reject(ctx, t, ReasonRevoked)
	}
	a.observeDecision(ctx, &t, r, p, more, err)
	return err
}

// Recheck asks the store whether t is still live, for streams and long jobs, which need not keep the secret for it. It
// returns nil, [ErrUnauthenticated], or an error that wraps [ErrUnavailable].
func (a *Authority) Recheck(ctx context.Context, t Token) error {
	v, err := a.load(ctx, t.ID, a.memory.of(t.ID))
	if err != nil {
		return err
	}
	if v.record.tombstone() || v.record.Token.ended() {
		return a.reject(ctx, v.token(), ReasonRevoked)
	}
	return nil
}

// authenticate returns what is known of the live token whose text this is.
func (a *Authority) authenticate(ctx context.Context, secret string) (*verdict, error) {
	id, body, ok := a.format.parse(secret)
	if !ok && a.cfg.Legacy != nil {
		return a.authenticateLegacy(ctx, secret)
	}
	if !ok {
		a.malformed.Add(1)
		return nil, ErrUnauthenticated
	}
	// What is remembered is looked up before the store is asked, so that both are on their way from main memory at once.
	v, err := a.load(ctx, id, a.memory.of(id))
	if err != nil {
		return nil, err
	}
	if v.record.tombstone() {
		return nil, a.reject(ctx, v.token(), ReasonRevoked)
	}
	d := digest(body)
	if subtle.ConstantTimeCompare(d[:], v.digest[:]) != 1 || v.record.imported() {
		return nil, a.reject(ctx, v.token(), ReasonWrongSecret)
	}
	if v.record.Token.ended() {
		return nil, a.reject(ctx, v.token(), ReasonRevoked)
	}
	if a.uses != nil {
		a.uses.mark(v)
	}
	return v, nil
}

// load reads the record with this ID and returns the verdict on it, if it is good. Otherwise it tells the host why, and the
// caller what a caller may know.
func (a *Authority) load(ctx context.Context, id ID, last *verdict) (*verdict, error) {
	v, reason, err := a.look(ctx, id, last)
	if err == nil {
		return v, nil
	}
	// The ID may share memory with the secret, which an audit log must not keep alive.
	t := Token{ID: ID(strings.Clone(string(id)))}
	if err == ErrUnauthenticated {
		return nil, a.reject(ctx, t, reason)
	}
	a.observe(ctx, Event{Kind: Unavailable, Token: t, Err: err})
	return nil, err
}

// look is load without telling the host. With ErrUnauthenticated comes the reason.
func (a *Authority) look(ctx context.Context, id ID, last *verdict) (v *verdict, reason string, err error) {
	r, err := read(ctx, a.cfg.Store, id)
	if err == ErrNotFound {
		return nil, ReasonUnknown, ErrUnauthenticated
	}
	if err != nil {
		return nil, "", err
	}
	if r.abandoned() {
		return nil, ReasonRevoked, ErrUnauthenticated
	}
	v, err = a.open(r, last)
	if err == ErrTampered {
		return nil, ReasonTampered, ErrUnauthenticated
	}
	return v, "", err
}

// reject tells the host why, and the caller nothing.
func (a *Authority) reject(ctx context.Context, t Token, reason string) error {
	a.observe(ctx, Event{Kind: Rejected, Token: t, Reason: reason, Err: ErrUnauthenticated})
	return ErrUnauthenticated
}
