package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/bearer/bearertest"
)

// values are what the wildcards of the patterns stand for.
var values = map[string]string{
	"workspace": "acme", "project": "CORE", "repository": "api", "id": "1", "commit": "main", "branch": "main", "path": "README.md",
}

// walk is the walk through all routes that take tokens.
func (w *world) walk() bearertest.Walk {
	return bearertest.Walk{
		Authority:     w.Passes,
		Routes:        w.guarded.Routes(),
		Handler:       w.forge,
		Values:        values,
		Prepare:       prepare,
		Inside:        w.workspace("acme").Resource(),
		Outside:       w.workspace("globex").Resource(),
		Public:        []string{"POST /alerts/secret-scanning", "GET /health"},
		Authenticated: []string{"GET /2.0/user", "GET /2.0/workspaces/{workspace}"},
		Issue: func(t testing.TB, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret) {
			token, secret, err := w.Passes.Issue(w.admin, hallpass.Grant{Name: "walk", CreatedBy: "test", Resource: r, Permissions: permissions})
			require.NoError(t, err)
			return token, secret
		},
	}
}

func TestNoRouteForgetsTheCheck(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.SetPlan(t.Context(), w.workspace("globex"), "premium"))
	before := w.everything()
	w.walk().Run(t)
	assert.Equal(t, before, w.everything(), "nothing was changed on the way")
}

// everything is what a request could have changed.
func (w *world) everything() (all []string) {
	for _, table := range []string{"workspaces", "projects", "repositories", "roles", "items"} {
		var n string
		require.NoError(w.t, w.DB.QueryRow(`SELECT COUNT(*) || ' ' || COALESCE(GROUP_CONCAT(rowid), '') FROM `+table).Scan(&n))
		all = append(all, table+" "+n)
	}
	return all
}

// What each route needs stands in a file, so that a route that needs less than it did shows in a review.
func TestTheRoutesAreThoseOfTheGoldenFile(t *testing.T) {
	w := newWorld(t)
	golden, err := os.ReadFile("testdata/routes.txt")
	require.NoError(t, err)
	assert.Equal(t, string(golden), bearertest.Table(w.guarded.Routes()))
}

func TestTheAPIHasARouteForEveryPermission(t *testing.T) {
	w := newWorld(t)
	needed, routes := map[hallpass.Permission]bool{}, 0
	for route := range w.guarded.Routes() {
		if _, path, _ := strings.Cut(route.Pattern, " "); strings.HasPrefix(path, "/2.0/") {
			routes++
			for _, p := range route.Permissions {
				needed[p] = true
			}
		}
	}
	assert.GreaterOrEqual(t, routes, 30)
	for d := range w.Passes.Catalog().Definitions() {
		assert.True(t, needed[d.Permission], d.Permission)
	}
}

// Every route with every permission alone: it lets through whom the catalog says, and nobody else. What is let through is done, so that
// repositories come and go; those who are refused see none of it.
func TestARouteLetsThroughWhomItsTableSays(t *testing.T) {
	w := newWorld(t)
	secrets := map[hallpass.Permission]string{}
	for d := range w.Passes.Catalog().Definitions() {
		if slices.Contains(d.Kinds, hallpass.WorkspaceKind) {
			_, secrets[d.Permission] = w.issue(w.workspace("acme").Resource(), d.Permission)
		}
	}
	require.Len(t, secrets, 15)
	let, refused := 0, 0
	// What deletes comes last, so that there is something for the others.
	routes := slices.SortedStableFunc(w.guarded.Routes(), func(a, b bearer.Route) int {
		return strings.Compare(deletes(a), deletes(b))
	})
	for _, route := range routes {
		if len(route.Permissions) == 0 {
			continue
		}
		for p, secret := range secrets {
			scope, err := w.Passes.Catalog().Scope(p)
			require.NoError(t, err)
			want := !slices.ContainsFunc(route.Permissions, func(needed hallpass.Permission) bool { return !scope.Permits(needed) })
			status := w.send(route, secret)
			assert.Equal(t, !want, status == http.StatusForbidden, "%s with %s: %d", route.Pattern, p, status)
			assert.NotEqual(t, http.StatusUnauthorized, status)
			assert.Less(t, status, 500, "%s with %s", route.Pattern, p)
			if want {
				let++
			} else {
				refused++
			}
		}
	}
	t.Logf("%d were let through, %d refused", let, refused)
	assert.Greater(t, let, 60)
	assert.Greater(t, refused, 600)
}

// deletes is "DELETE" of a route that deletes, and "" of any other.
func deletes(r bearer.Route) string {
	if method, _, _ := strings.Cut(r.Pattern, " "); method == http.MethodDelete {
		return method
	}
	return ""
}

func (w *world) send(route bearer.Route, secret string) int {
	method, path, _ := strings.Cut(route.Pattern, " ")
	for name, value := range values {
		path = strings.NewReplacer("{"+name+"}", value, "{"+name+"...}", value).Replace(path)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, nil)
	r.Pattern = route.Pattern
	prepare(r)
	r.Header.Set("Authorization", "Bearer "+secret)
	answer := httptest.NewRecorder()
	w.forge.ServeHTTP(answer, r)
	return answer.Code
}
