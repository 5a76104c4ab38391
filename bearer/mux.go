package bearer

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// A Mux is a [http.ServeMux] on which no route can be registered without saying what it requires, or that it is public. Its patterns
// are those of ServeMux, with a method. Of the four ways to register, [Handle] is for a route about one thing, [Mux.List] for one that lists
// what a token reaches, [Mux.Authenticated] for one whose handler decides, and [Mux.Public] for one that needs no token.
//
// Registering panics, with what was wrong, for a pattern without a method or one that conflicts with another, a rule that needs nothing,
// a permission that the catalog does not know, a missing function, and a Mux without a Gate: such a service does not start.
//
//	mux := bearer.Mux{Gate: &bearer.Gate{Authority: passes}}
//	bearer.Handle(&mux, "POST /repositories/{workspace}/{repository}/pipelines",
//		bearer.On(s.repository, repository.Resource).Needs(hallpass.PipelineWrite), s.runPipeline)
//
// Register all routes before the Mux serves. It is then safe for concurrent use. It must not be copied.
type Mux struct {
	Gate *Gate // required

	serve  http.ServeMux
	routes []Route
}

// A Route tells what a [Mux] answers and what that takes.
type Route struct {
	Pattern     string                // as it was registered, such as "GET /repositories/{workspace}"
	Permissions []hallpass.Permission // all that a token needs, in the order in which they were named; of an Authenticated route none
	List        bool                  // it lists what the token reaches, so that a token of anything may call it
	Public      bool                  // it needs no token
}

// Handle registers a handler behind a rule. A request reaches h only with a live token that is permitted all that the rule needs,
// and h gets what the rule loaded for it. It panics as [Mux] says.
func Handle[T any](m *Mux, pattern string, rule Rule[T], h func(http.ResponseWriter, *http.Request, T)) {
	handle(m, Route{Pattern: pattern}, rule, h)
}

// List registers a handler that lists. A request reaches it only with a live token whose scope permits p, and all of more. The handler
// gets the reach of the token: it must show what lies within that and nothing else, best by narrowing its query. A token of a
// project or repository may call it as well as that of a workspace, whatever the URL names, so that there is nothing to load. What the URL names
// narrows the answer further: to an empty list where it lies out of reach, just as where it does not exist. It panics as [Mux] says.
func (m *Mux) List(pattern string, h func(http.ResponseWriter, *http.Request, hallpass.Resource), p hallpass.Permission, more ...hallpass.Permission) {
	// What a token is bound to is loaded with the token itself.
	bound := func(r *http.Request) (hallpass.Resource, error) {
		t, _ := hallpass.FromContext(r.Context())
		return t.Resource, nil
	}
	handle(m, Route{Pattern: pattern, List: true}, On(bound, itself).Needs(p, more...), h)
}

// Authenticated registers a handler for any live token. That allows nothing yet: the handler has to ask [Gate.Check] for all that it
// does. It panics as [Mux] says.
func (m *Mux) Authenticated(pattern string, h http.Handler) {
	m.register(Route{Pattern: pattern}, validateHandler(h == nil), admitted(m.Gate, h))
}

// Public registers a handler that is called for every request, with a token or without: the token is not looked at. It panics as
// [Mux] says.
func (m *Mux) Public(pattern string, h http.Handler) {
	m.register(Route{Pattern: pattern, Public: true}, nil, h) // ServeMux panics for no handler
}

// Routes yields all that was registered, in that order, for a test that walks them (package bearertest) or for documentation. What it
// yields are copies.
func (m *Mux) Routes() iter.Seq[Route] {
	return func(yield func(Route) bool) {
		for _, r := range m.routes {
			r.Permissions = slices.Clone(r.Permissions)
			if !yield(r) {
				return
			}
		}
	}
}

// ServeHTTP calls the handler of the route that r matches, if its token is let through. What matches no route is answered as by
// [http.ServeMux].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.serve.ServeHTTP(w, r) }

func handle[T any](m *Mux, route Route, rule Rule[T], h func(http.ResponseWriter, *http.Request, T)) {
	route.Permissions = rule.permissions()
	m.register(route, errors.Join(rule.validate(), validateHandler(h == nil)), guarded(m.Gate, rule, h))
}

func validateHandler(missing bool) error {
	if missing {
		return errors.New("there is no handler")
	}
	return nil
}

// register adds a route, or panics with all that is wrong with it.
func (m *Mux) register(route Route, err error, h http.Handler) {
	method, _, _ := strings.Cut(route.Pattern, " ")
	if method == route.Pattern || method == "" {
		// Without one the route would also take the methods that nobody thought of.
		err = errors.Join(err, errors.New(`the pattern names no method; it is such as "GET /repositories"`))
	}
	if err = errors.Join(m.Gate.validate(), m.Gate.validatePermissions(route.Permissions), err); err != nil {
		panic(fmt.Sprintf("bearer: route %q: %v", route.Pattern, err))
	}
	m.serve.Handle(route.Pattern, h)
	m.routes = append(m.routes, route)
}

// admitted is what stands in front of a handler that decides itself.
func admitted(g *Gate, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, r, ok := g.admit(w, r); ok {
			h.ServeHTTP(w, r)
		}
	})
}

// guarded is all that stands in front of any other.
func guarded[T any](g *Gate, rule Rule[T], h func(http.ResponseWriter, *http.Request, T)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, r, ok := g.admit(w, r)
		if !ok {
			return
		}
		loaded, err := rule.pass(g, r, t)
		if err != nil {
			g.WriteError(w, r, err)
			return
		}
		h(w, r, loaded)
	})
}
