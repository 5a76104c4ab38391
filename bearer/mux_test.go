package bearer_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/memstore"
)

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

func TestARouteCannotBeRegisteredWithoutARule(t *testing.T) {
	h := newHub(t)
	handler := http.HandlerFunc(h.reached)
	see := func(w http.ResponseWriter, r *http.Request, _ repo) { h.reached(w, r) }
	list := func(w http.ResponseWriter, r *http.Request, _ hallpass.Resource) { h.reached(w, r) }
	sound := bearer.On(h.repository, repo.Resource).Needs(hallpass.RepositoryRead)
	for name, register := range map[string]func(m *bearer.Mux){
		"no method":                 func(m *bearer.Mux) { bearer.Handle(m, "/x", sound, see) },
		"no method, of a list":      func(m *bearer.Mux) { m.List("/x", list, hallpass.RepositoryRead) },
		"no method, of any token":   func(m *bearer.Mux) { m.Authenticated("/x", handler) },
		"no method, public":         func(m *bearer.Mux) { m.Public("/x", handler) },
		"an empty method":           func(m *bearer.Mux) { m.Public(" /x", handler) },
		"the zero rule":             func(m *bearer.Mux) { bearer.Handle(m, "GET /x", bearer.Rule[repo]{}, see) },
		"the zero rule with a need": func(m *bearer.Mux) { bearer.Handle(m, "GET /x", bearer.Rule[repo]{}.Needs(hallpass.Webhook), see) },
		"a rule that needs nothing": func(m *bearer.Mux) { bearer.Handle(m, "GET /x", bearer.On(h.repository, repo.Resource), see) },
		"a rule without a load": func(m *bearer.Mux) {
			bearer.Handle(m, "GET /x", bearer.On(nil, repo.Resource).Needs(hallpass.Webhook), see)
		},
		"a rule without a resource": func(m *bearer.Mux) {
			bearer.Handle(m, "GET /x", bearer.On(h.repository, nil).Needs(hallpass.Webhook), see)
		},
		"a second without one":       func(m *bearer.Mux) { bearer.Handle(m, "GET /x", sound.And(nil, hallpass.Webhook), see) },
		"an unknown permission":      func(m *bearer.Mux) { bearer.Handle(m, "GET /x", sound.Needs("repo:write"), see) },
		"an unknown second one":      func(m *bearer.Mux) { bearer.Handle(m, "GET /x", sound.And(repo.Resource, hallpass.Webhook, "*"), see) },
		"an unknown one, of a list":  func(m *bearer.Mux) { m.List("GET /x", list, "repo") },
		"no handler":                 func(m *bearer.Mux) { bearer.Handle(m, "GET /x", sound, nil) },
		"no handler, of a list":      func(m *bearer.Mux) { m.List("GET /x", nil, hallpass.RepositoryRead) },
		"no handler, of any token":   func(m *bearer.Mux) { m.Authenticated("GET /x", nil) },
		"no handler, public":         func(m *bearer.Mux) { m.Public("GET /x", nil) },
		"no gate":                    func(m *bearer.Mux) { m.Gate = nil; bearer.Handle(m, "GET /x", sound, see) },
		"no gate, public":            func(m *bearer.Mux) { m.Gate = nil; m.Public("GET /x", handler) },
		"no authority, of any token": func(m *bearer.Mux) { m.Gate = &bearer.Gate{}; m.Authenticated("GET /x", handler) },
		"a pattern twice":            func(m *bearer.Mux) { m.Public("GET /x", handler); m.Public("GET /x", handler) },
	} {
		m := &bearer.Mux{Gate: h.gate}
		assert.Panics(t, func() { register(m) }, name)
		assert.LessOrEqual(t, len(slices.Collect(m.Routes())), 1, name)
		if name != "a pattern twice" {
			assert.Equal(t, http.StatusNotFound, call(m, "GET", "/x", "").Code, name)
		}
	}
	assert.PanicsWithValue(t, `bearer: route "/x": the pattern names no method; it is such as "GET /repositories"`, func() {
		(&bearer.Mux{Gate: h.gate}).Public("/x", handler)
	})
}

func TestAHandlerGetsWhatWasLoadedOnceAndDecidedOn(t *testing.T) {
	h := newHub(t)
	m := &bearer.Mux{Gate: h.gate}
	var got repo
	bearer.Handle(m, "GET /{workspace}/{repository}", bearer.On(h.repository, repo.Resource).Needs(hallpass.RepositoryRead),
		func(_ http.ResponseWriter, r *http.Request, loaded repo) {
			got = loaded
			assert.NoError(t, h.gate.Check(r.Context(), loaded.resource, hallpass.RepositoryRead))
		})
	assert.Equal(t, http.StatusOK, call(m, "GET", "/acme/api", h.secret(t, hallpass.Project("acme", "core"), hallpass.RepositoryRead)).Code)
	assert.Equal(t, hallpass.Repository("acme", "api").In("core"), got.resource)
	assert.EqualValues(t, 1, h.loads.Load())
}

// A pull request comes from one repository and goes to another.
func TestAllThatARuleNeedsIsNeeded(t *testing.T) {
	h := newHub(t)
	source := func(repo) hallpass.Resource { return hallpass.Repository("acme", "site").In("web") }
	rule := bearer.On(h.repository, repo.Resource).Needs(hallpass.PullRequestWrite).Needs(hallpass.Webhook).And(source, hallpass.RepositoryRead)
	m := &bearer.Mux{Gate: h.gate}
	bearer.Handle(m, "POST /{workspace}/{repository}", rule, func(w http.ResponseWriter, r *http.Request, _ repo) { h.reached(w, r) })

	workspace, destination := hallpass.Workspace("acme"), hallpass.Repository("acme", "api")
	status := func(r hallpass.Resource, p ...hallpass.Permission) int {
		return call(m, "POST", "/acme/api", h.secret(t, r, p...)).Code
	}
	assert.Equal(t, http.StatusOK, status(workspace, hallpass.PullRequestWrite, hallpass.Webhook))
	assert.Equal(t, http.StatusForbidden, status(workspace, hallpass.PullRequestWrite), "no webhook")
	assert.Equal(t, http.StatusForbidden, status(workspace, hallpass.RepositoryRead, hallpass.Webhook), "no pullrequest:write")
	assert.Equal(t, http.StatusForbidden, status(destination, hallpass.PullRequestWrite, hallpass.Webhook), "the source is out of reach")
	assert.EqualValues(t, 1, h.calls.Load())
	assert.Equal(t, []hallpass.Permission{hallpass.PullRequestWrite, hallpass.Webhook, hallpass.RepositoryRead}, slices.Collect(m.Routes())[0].Permissions)

	// What is needed of the second resource hides what does not exist, too.
	secret := h.secret(t, workspace, hallpass.PullRequestWrite)
	there, missing := call(m, "POST", "/acme/api", secret), call(m, "POST", "/acme/nothing", secret)
	assert.Equal(t, there.Body.String(), missing.Body.String())
}

func TestARuleIsAValue(t *testing.T) {
	h := newHub(t)
	// Of three needs, so that there would be room for a fourth where the first rule that gets one puts it.
	base := bearer.On(h.repository, repo.Resource).Needs(hallpass.RepositoryRead).Needs(hallpass.RepositoryRead).Needs(hallpass.RepositoryRead)
	read, write := base.Needs(hallpass.Webhook), base.Needs(hallpass.RepositoryWrite)
	m := &bearer.Mux{Gate: h.gate}
	none := func(http.ResponseWriter, *http.Request, repo) {}
	bearer.Handle(m, "GET /base", base, none)
	bearer.Handle(m, "GET /read", read, none)
	bearer.Handle(m, "GET /write", write, none)
	routes := slices.Collect(m.Routes())
	require.Len(t, routes, 3)
	assert.Equal(t, []hallpass.Permission{hallpass.RepositoryRead}, routes[0].Permissions)
	assert.Equal(t, []hallpass.Permission{hallpass.RepositoryRead, hallpass.Webhook}, routes[1].Permissions)
	assert.Equal(t, []hallpass.Permission{hallpass.RepositoryRead, hallpass.RepositoryWrite}, routes[2].Permissions)

	routes[0].Permissions[0] = hallpass.Webhook
	assert.Equal(t, hallpass.RepositoryRead, slices.Collect(m.Routes())[0].Permissions[0], "what Routes yields is a copy")
}

func TestAListGetsTheReachOfTheToken(t *testing.T) {
	h := newHub(t)
	m := &bearer.Mux{Gate: h.gate}
	var reach hallpass.Resource
	m.List("GET /repositories/{workspace}", func(_ http.ResponseWriter, _ *http.Request, r hallpass.Resource) { reach = r }, hallpass.RepositoryRead, hallpass.Webhook)
	for _, bound := range []hallpass.Resource{hallpass.Workspace("acme"), hallpass.Project("acme", "core"), hallpass.Repository("acme", "api")} {
		reach = hallpass.Resource{}
		assert.Equal(t, http.StatusOK, call(m, "GET", "/repositories/acme", h.secret(t, bound, hallpass.RepositoryWrite, hallpass.Webhook)).Code)
		assert.Equal(t, bound, reach)
		reach = hallpass.Resource{}
		assert.Equal(t, http.StatusForbidden, call(m, "GET", "/repositories/acme", h.secret(t, bound, hallpass.RepositoryWrite)).Code)
		assert.Zero(t, reach)
	}
	assert.Equal(t, http.StatusUnauthorized, call(m, "GET", "/repositories/acme", "").Code)
	assert.True(t, slices.Collect(m.Routes())[0].List)
}

func TestAPublicRouteLooksAtNoToken(t *testing.T) {
	h := newHub(t)
	m := &bearer.Mux{Gate: h.gate}
	m.Public("GET /health", http.HandlerFunc(h.reached))
	m.Authenticated("GET /me", http.HandlerFunc(h.reached))
	assert.Equal(t, http.StatusOK, call(m, "GET", "/health", "").Code)
	assert.Equal(t, http.StatusOK, call(m, "GET", "/health", "garbage").Code)
	assert.Equal(t, http.StatusUnauthorized, call(m, "GET", "/me", "garbage").Code)
	assert.Equal(t, http.StatusOK, call(m, "GET", "/me", h.secret(t, hallpass.Workspace("acme"), hallpass.Webhook)).Code)
	routes := slices.Collect(m.Routes())
	assert.Equal(t, []bearer.Route{{Pattern: "GET /health", Public: true}, {Pattern: "GET /me"}}, routes)
	for range m.Routes() {
		break // and nothing happens
	}
}

// A store that fails is neither a yes nor a no, in front of any route.
func TestAGateWhoseStoreFailsIs503(t *testing.T) {
	h := newHub(t)
	secret := h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryRead)
	failing := &bearer.Gate{Authority: authorityOn(t, broken{memstore.New()}, func(context.Context, hallpass.Event) {})}
	m := &bearer.Mux{Gate: failing}
	bearer.Handle(m, "GET /{workspace}/{repository}", bearer.On(h.repository, repo.Resource).Needs(hallpass.RepositoryRead),
		func(w http.ResponseWriter, r *http.Request, _ repo) { h.reached(w, r) })
	m.List("GET /list", func(w http.ResponseWriter, r *http.Request, _ hallpass.Resource) { h.reached(w, r) }, hallpass.RepositoryRead)
	m.Authenticated("GET /any", http.HandlerFunc(h.reached))
	for _, path := range []string{"/acme/api", "/list", "/any"} {
		w := call(m, "GET", path, secret)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, path)
		assert.Equal(t, "5", w.Header().Get("Retry-After"), path)
	}
	assert.Zero(t, h.calls.Load())
	assert.Zero(t, h.loads.Load())
}

func ExampleMux() {
	passes := exampleAuthority()
	type repository struct{ workspace, project, id string }
	load := func(r *http.Request) (repository, error) {
		if r.PathValue("repository") != "api" {
			return repository{}, bearer.NotFound(hallpass.Workspace("acme")) // or what the host's database has
		}
		return repository{"acme", "core", "api"}, nil
	}
	resource := func(r repository) hallpass.Resource { return hallpass.Repository(r.workspace, r.id).In(r.project) }

	mux := bearer.Mux{Gate: &bearer.Gate{Authority: passes}}
	bearer.Handle(&mux, "GET /repositories/{repository}", bearer.On(load, resource).Needs(hallpass.RepositoryRead),
		func(w http.ResponseWriter, r *http.Request, repo repository) {
			fmt.Fprint(w, "the source of ", repo.id)
		})
	mux.List("GET /repositories", func(w http.ResponseWriter, r *http.Request, reach hallpass.Resource) {
		fmt.Fprint(w, "all within ", reach)
	}, hallpass.RepositoryRead)
	mux.Public("GET /health", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "fine") }))

	secret := exampleSecret(passes, hallpass.Project("acme", "core"), hallpass.RepositoryRead)
	for _, path := range []string{"/repositories/api", "/repositories", "/health", "/repositories/secret-plans"} {
		w := call(&mux, "GET", path, secret)
		fmt.Println(w.Code, w.Body)
	}
	for route := range mux.Routes() {
		fmt.Println(route.Pattern, route.Permissions)
	}
	// Output:
	// 200 the source of api
	// 200 all within project:acme/core
	// 200 fine
	// 403 {"type":"error","error":{"message":"The access token does not reach this resource.","detail":{"required":[],"granted":["repository"]}}}
	//
	// GET /repositories/{repository} [repository]
	// GET /repositories [repository]
	// GET /health []
}
