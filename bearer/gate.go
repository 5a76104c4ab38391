package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// A Gate checks requests before a handler sees them. It authenticates, then loads what the request names, then decides: strangers
// cause no work in the host's database, and learn nothing of what is in it. Whatever fails on the way is answered by
// [Gate.WriteError], and the handler is not called.
//
// What goes through carries its token, for [hallpass.FromContext], and its answer is marked so that no cache stores it. The handler
// may change these headers.
//
// A Gate starts nothing and is safe for concurrent use. It must not be changed once it is in use. Use a [Mux] where you can: there a
// route without a check cannot be written. Require is for other routers.
type Gate struct {
	Authority *hallpass.Authority // required
	Realm     string              // what WWW-Authenticate calls this service, as in RFC 9110, section 11.5; visible ASCII and spaces, without quotes and backslashes; "": "hallpass"
}

// Require returns middleware that lets a request through if its token may do p, and all of more, to the resource that the request
// is about. Put it around the handler of a route, not around a router: what a pattern matches is known only then.
//
// The resource function says which resource that is, out of the host's database, also in which project a repository lies now. It runs
// after the token was found good, so that it may use [hallpass.FromContext]. It returns [NotFound] where there is no such thing. Any
// other error is answered by its [StatusCode]: wrap [hallpass.ErrUnavailable] where the database could not be asked.
//
// A Gate without an Authority, a nil function and a permission that the catalog does not know are mistakes in the program, and
// Require panics. What it returns is safe for concurrent use.
func (g *Gate) Require(resource func(*http.Request) (hallpass.Resource, error), p hallpass.Permission, more ...hallpass.Permission) func(http.Handler) http.Handler {
	rule := On(resource, itself).Needs(p, more...)
	if err := errors.Join(g.validate(), rule.validate(), g.validatePermissions(rule.permissions())); err != nil {
		panic(fmt.Sprintf("bearer: Require: %v", err))
	}
	return func(next http.Handler) http.Handler {
		return guarded(g, rule, func(w http.ResponseWriter, r *http.Request, _ hallpass.Resource) { next.ServeHTTP(w, r) })
	}
}

// Authenticate returns a handler that lets a request through if it presents a live token. That allows nothing yet: next has to ask
// [Gate.Check]. It panics if the Gate has no Authority.
func (g *Gate) Authenticate(next http.Handler) http.Handler {
	if err := g.validate(); err != nil {
		panic(fmt.Sprintf("bearer: Authenticate: %v", err))
	}
	return admitted(g, next)
}

// Check decides whether the token of ctx may do p, and all of more, to r: in a handler behind the Gate, for what only the handler
// knows. It does no I/O, and is told to [hallpass.Config.Observe]. Without a token in ctx the error is [hallpass.ErrUnauthenticated];
// else it is that of [hallpass.Authority.Decide]. Answer it with [Gate.WriteError]. Where r is looked up by a name and is not found,
// ask [Gate.Hide] in the place of Check.
func (g *Gate) Check(ctx context.Context, r hallpass.Resource, p hallpass.Permission, more ...hallpass.Permission) error {
	t, ok := hallpass.FromContext(ctx)
	if !ok {
		return hallpass.ErrUnauthenticated
	}
	return g.Authority.Decide(ctx, t, r, p, more...)
}

// Hide returns what the token of ctx may learn of err, with which a loader failed, such as [NotFound]: in a handler behind the Gate, and in other
// adapters than [Gate.Require]. That something is not there is only for a token that may do p, and all of more, to all of the place where it was looked
// for. Any other token gets the denial that it gets for what exists and is not for it, which is told to [hallpass.Config.Observe], and without
// a token in ctx the error is [hallpass.ErrUnauthenticated]. An err that does not say that something is not there is returned as it is.
//
//	repository, err := s.repository(ctx, name)
//	if err != nil {
//		err = gate.Hide(ctx, err, hallpass.RepositoryRead)
//	} else {
//		err = gate.Check(ctx, repository, hallpass.RepositoryRead)
//	}
//
// Hide decides nothing of what exists: it returns nil for a nil err, which is no yes. It does no I/O.
func (g *Gate) Hide(ctx context.Context, err error, p hallpass.Permission, more ...hallpass.Permission) error {
	if StatusCode(err) != http.StatusNotFound {
		return err
	}
	var within hallpass.Resource // which no token reaches
	if e, ok := errors.AsType[*notFoundError](err); ok {
		within = e.within
	}
	if t, _ := hallpass.FromContext(ctx); t.May(within, p, more...) {
		return err
	}
	if denied := g.Check(ctx, within, p, more...); denied != nil {
		return denied
	}
	return err // the clock went back between the two; nil would look like a yes
}

// WriteError is [WriteError] in the realm of the Gate.
func (g *Gate) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeError(w, r, err, g.realm())
}

// admit returns the live token that r presents, and r with the token in its context. Otherwise it has answered r.
func (g *Gate) admit(w http.ResponseWriter, r *http.Request) (hallpass.Token, *http.Request, bool) {
	var t hallpass.Token
	secret, err := FromRequest(r)
	if err == nil {
		t, err = g.Authority.Authenticate(r.Context(), secret)
	}
	if err != nil {
		g.WriteError(w, r, err)
		return hallpass.Token{}, nil, false
	}
	setUncached(w.Header())
	return t, r.WithContext(hallpass.NewContext(r.Context(), t)), true
}

func (g *Gate) realm() string {
	if g.Realm == "" {
		return "hallpass"
	}
	return g.Realm
}

func (g *Gate) validate() error {
	switch {
	case g == nil || g.Authority == nil:
		return errors.New("the Gate has no Authority, and could check nothing")
	case !wellFormed(strings.NewReplacer(" ", "", ",", "").Replace(g.realm())) || strings.ContainsAny(g.realm(), `"\`):
		return fmt.Errorf("the realm %q; it is of visible ASCII and spaces, without quotes and backslashes", g.realm())
	}
	return nil
}

// validatePermissions finds permissions that no request could ever be allowed.
func (g *Gate) validatePermissions(permissions []hallpass.Permission) error {
	if g == nil || g.Authority == nil {
		return nil // which validate reports
	}
	for _, p := range permissions {
		if _, ok := g.Authority.Catalog().Definition(p); !ok {
			return fmt.Errorf("the permission %q is not in the catalog", p)
		}
	}
	return nil
}
