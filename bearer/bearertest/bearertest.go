// Package bearertest tests the routes of a host: it calls each of them with tokens that must not get through.
//
//	func TestNoRouteForgetsTheCheck(t *testing.T) {
//		bearertest.Walk{
//			Authority: passes,
//			Routes:    mux.Routes(),
//			Handler:   server,
//			Values:    map[string]string{"workspace": "acme", "repository": "api"},
//			Inside:    hallpass.Workspace("acme"),
//			Outside:   hallpass.Workspace("globex"),
//			Public:    []string{"GET /health"},
//		}.Run(t)
//	}
//
// The walk finds a route that lets the wrong token through. [Table] is for the other half: kept in a golden file, it shows when
// a route needs less than it did.
package bearertest

import (
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A Walk says what to call and how. Of what it calls nothing should go through, so that nothing should be changed; if a check is missing,
// something may be: use a database that is made for tests.
type Walk struct {
	Authority *hallpass.Authority    // of the host; required
	Routes    iter.Seq[bearer.Route] // all routes: [bearer.Mux.Routes], or for another router a list of your own; required
	Handler   http.Handler           // what serves them, with all that the host puts around; required
	Values    map[string]string      // what the wildcards of the patterns stand for: things that exist and lie in Inside
	Prepare   func(r *http.Request)  // completes a request, by its Pattern, with a query or a body that the route needs to get as far as the decision; nil: none

	// Inside contains all that Values names; a workspace, as a rule. Outside is of no concern to it. Tokens are issued for both.
	Inside, Outside hallpass.Resource

	// Public and Authenticated are the patterns of the routes that are meant to be so, and may be called without a token or with
	// any. A route that is public and not named here is a mistake, and so is a name without a route.
	Public, Authenticated []string

	// Issue issues a token, as Config.Policy of the host wants it asked. If nil, that is Authority.Issue with a creator "bearertest".
	Issue func(t testing.TB, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret)
}

// Run calls every route that is not public without a token, with garbage, with two tokens, and with one that was revoked: each has to get a 401.
// Then it calls those that need permissions, for each of these with a token of Inside that has every other, and, unless the route lists, with one of
// Outside that has all: each has to get a 403. It reports whatever answers otherwise, and which route that was. It also
// reports Values under which the routes reach nothing, for then a 403 proves little.
func (w Walk) Run(t testing.TB) {
	t.Helper()
	if w.Authority == nil || w.Routes == nil || w.Handler == nil || w.Inside.Kind() == 0 || w.Outside.Kind() == 0 || w.Inside.Contains(w.Outside) || w.Outside.Contains(w.Inside) {
		t.Fatal("bearertest: a Walk has an Authority, Routes, a Handler, and two resources Inside and Outside of which none contains the other")
	}
	c := &caller{Walk: w, t: t, tokens: map[string]string{}}
	n := 0
	for route := range w.Routes {
		n++
		c.walk(route)
	}
	if n == 0 {
		t.Error("bearertest: there is no route")
	}
	for _, pattern := range append(slices.Clone(w.Public), w.Authenticated...) {
		if !slices.ContainsFunc(slices.Collect(w.Routes), func(r bearer.Route) bool { return r.Pattern == pattern }) {
			t.Errorf("bearertest: there is no route %q, which was named", pattern)
		}
	}
}

// Table returns a line for each route: its pattern and what a token needs. Keep it in a golden file, so that a change of a rule shows in
// a review.
func Table(routes iter.Seq[bearer.Route]) string {
	var b strings.Builder
	for r := range routes {
		fmt.Fprintf(&b, "%s: %s\n", r.Pattern, needs(r))
	}
	return b.String()
}

func needs(r bearer.Route) string {
	if r.Public {
		return "public"
	}
	if len(r.Permissions) == 0 {
		return "any token"
	}
	texts := make([]string, len(r.Permissions))
	for i, p := range r.Permissions {
		texts[i] = string(p)
	}
	text := strings.Join(texts, " ")
	if r.List {
		text += " (list)"
	}
	return text
}
