package bearertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A caller is a Walk that is under way, with the tokens that it has made.
type caller struct {
	Walk
	t      testing.TB
	tokens map[string]string
}

// walk calls one route.
func (c *caller) walk(route bearer.Route) {
	c.t.Helper()
	switch {
	case route.Public:
		if !slices.Contains(c.Public, route.Pattern) {
			c.t.Errorf("bearertest: %s is public, and is not named in Walk.Public", route.Pattern)
		}
		return
	case len(route.Permissions) == 0 && !slices.Contains(c.Authenticated, route.Pattern):
		c.t.Errorf("bearertest: %s takes any token, and is not named in Walk.Authenticated", route.Pattern)
	}

	all := "Bearer " + c.token("all", c.Inside, c.most(c.Inside, ""))
	c.expect(route, http.StatusUnauthorized, "no token")
	c.expect(route, http.StatusUnauthorized, "garbage", "Bearer garbage")
	c.expect(route, http.StatusUnauthorized, "two Authorization headers", all, all)
	c.expect(route, http.StatusUnauthorized, "a revoked token", "Bearer "+c.revoked())
	for _, p := range route.Permissions {
		near, nearBody := c.lacking(route, p, "inside", c.Inside)
		far, farBody := c.lacking(route, p, "outside", c.Outside)
		// What is out of reach is answered in other words than what is within reach and not permitted.
		if near == http.StatusForbidden && near == far && nearBody == farBody && !route.List {
			c.t.Errorf("bearertest: %s: a token of %v does not reach what the values name there, so that a 403 proves nothing; see Walk.Values and Walk.Prepare", route.Pattern, c.Inside)
		}
	}
	if len(route.Permissions) > 0 && !route.List {
		c.expect(route, http.StatusForbidden, "a token of "+c.Outside.String()+" that has all permissions", "Bearer "+c.token("all", c.Outside, c.most(c.Outside, "")))
	}
}

// lacking calls a route with a token that has all permissions but p.
func (c *caller) lacking(route bearer.Route, p hallpass.Permission, where string, r hallpass.Resource) (int, string) {
	c.t.Helper()
	permissions := c.most(r, p)
	if len(permissions) == 0 {
		c.t.Errorf("bearertest: no permission of a %v token leaves out %s, so that nothing can be tried without it", r.Kind(), p)
		return 0, ""
	}
	return c.expect(route, http.StatusForbidden, "a token of "+r.String()+" with everything but "+string(p), "Bearer "+c.token("without "+string(p), r, permissions))
}

// expect calls a route with these Authorization headers.
func (c *caller) expect(route bearer.Route, status int, with string, authorization ...string) (int, string) {
	c.t.Helper()
	r := c.request(route)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	if w.Code != status {
		c.t.Errorf("bearertest: %s with %s: status %d, it should be %d", route.Pattern, with, w.Code, status)
	}
	return w.Code, w.Body.String()
}

// request returns a request that matches a route.
func (c *caller) request(route bearer.Route) *http.Request {
	c.t.Helper()
	method, target, _ := strings.Cut(route.Pattern, " ")
	for {
		before, rest, found := strings.Cut(target, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			break
		}
		name = strings.TrimSuffix(name, "...")
		value, known := c.Values[name]
		if !known && name != "$" {
			c.t.Fatalf("bearertest: %s: Walk.Values has nothing for {%s}", route.Pattern, name)
		}
		target = before + value + after
	}
	if i := strings.Index(target, "/"); i > 0 {
		target = "http://" + target // a pattern with a host
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, target, nil)
	r.Pattern = route.Pattern
	if c.Prepare != nil {
		c.Prepare(r)
	}
	return r
}

// most returns all permissions that a token of r may be issued with, but those that grant p.
func (c *caller) most(r hallpass.Resource, p hallpass.Permission) (all []hallpass.Permission) {
	for d := range c.Authority.Catalog().Definitions() {
		if d.Retired || !slices.Contains(d.Kinds, r.Kind()) {
			continue
		}
		scope, err := c.Authority.Catalog().Scope(d.Permission)
		if err == nil && !scope.Permits(p) {
			all = append(all, d.Permission)
		}
	}
	return all
}

// token returns the text of a token, which is made once.
func (c *caller) token(name string, r hallpass.Resource, permissions []hallpass.Permission) string {
	c.t.Helper()
	key := name + " of " + r.String()
	if c.tokens[key] == "" {
		_, secret := c.issue(r, permissions...)
		c.tokens[key] = secret.Reveal()
	}
	return c.tokens[key]
}

func (c *caller) revoked() string {
	c.t.Helper()
	if c.tokens["revoked"] == "" {
		token, secret := c.issue(c.Inside, c.most(c.Inside, "")...)
		if err := c.Authority.Revoke(c.t.Context(), c.Inside, token.ID); err != nil {
			c.t.Fatalf("bearertest: a token cannot be revoked: %v", err)
		}
		c.tokens["revoked"] = secret.Reveal()
	}
	return c.tokens["revoked"]
}

func (c *caller) issue(r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret) {
	c.t.Helper()
	if c.Issue != nil {
		return c.Issue(c.t, r, permissions...)
	}
	token, secret, err := c.Authority.Issue(c.t.Context(), hallpass.Grant{Name: "walk", CreatedBy: "bearertest", Resource: r, Permissions: permissions})
	if err != nil {
		c.t.Fatalf("bearertest: a token of %v cannot be issued, see Walk.Issue: %v", r, err)
	}
	return token, secret
}
