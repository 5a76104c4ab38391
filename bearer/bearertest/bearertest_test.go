package bearertest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/bearer/bearertest"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

var (
	acme, globex = hallpass.Workspace("acme"), hallpass.Workspace("globex")
	api          = hallpass.Repository("acme", "api").In("core")
)

// A recorder is a test that notes what it is told.
type recorder struct {
	testing.TB
	reports []string
}

func (r *recorder) Helper() {}
func (r *recorder) Error(args ...any) {
	r.reports = append(r.reports, fmt.Sprint(args...))
}
func (r *recorder) Errorf(format string, args ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// reports walks, and returns what the walk had to say.
func reports(t *testing.T, w bearertest.Walk) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { defer close(done); w.Run(r) }()
	<-done
	return r.reports
}

func load(r *http.Request) (hallpass.Resource, error) {
	if r.PathValue("workspace") != "acme" || r.PathValue("repository") != "api" {
		return hallpass.Resource{}, bearer.NotFound(hallpass.Resource{})
	}
	return api, nil
}

func itself(r hallpass.Resource) hallpass.Resource { return r }

func done(w http.ResponseWriter, _ *http.Request, _ hallpass.Resource) {}

// sound is a host in which nothing is wrong, and its walk.
func sound(t *testing.T) (*bearer.Mux, bearertest.Walk) {
	m := &bearer.Mux{Gate: &bearer.Gate{Authority: hallpasstest.New(t)}}
	rule := bearer.On(load, itself)
	bearer.Handle(m, "GET /files/{workspace}/{repository}/{path...}", rule.Needs(hallpass.RepositoryRead), done)
	bearer.Handle(m, "POST /{workspace}/{repository}", rule.Needs(hallpass.RepositoryWrite, hallpass.Webhook), done)
	bearer.Handle(m, "DELETE /{workspace}/{repository}/{$}", rule.Needs(hallpass.TokenAdmin), done)
	bearer.Handle(m, "GET example.com/{workspace}/{repository}", rule.Needs(hallpass.Webhook), done)
	m.List("GET /repositories", done, hallpass.RepositoryRead)
	m.Authenticated("GET /me", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	m.Public("GET /health", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return m, bearertest.Walk{
		Authority: m.Gate.Authority, Routes: m.Routes(), Handler: m,
		Values:        map[string]string{"workspace": "acme", "repository": "api", "path": "a/b"},
		Inside:        acme,
		Outside:       globex,
		Public:        []string{"GET /health"},
		Authenticated: []string{"GET /me"},
	}
}

func TestASoundHostIsWalkedWithoutAReport(t *testing.T) {
	_, w := sound(t)
	assert.Empty(t, reports(t, w))
}

// What a careless host has in the place of each kind of route.
func TestARouteThatForgetsTheCheckIsReported(t *testing.T) {
	m, w := sound(t)
	for route := range m.Routes() {
		if route.Public {
			continue
		}
		// Another handler answers this route, and checks nothing.
		forgetful := http.NewServeMux()
		forgetful.Handle("/", m)
		forgetful.HandleFunc(route.Pattern, func(http.ResponseWriter, *http.Request) {})
		w := w
		w.Handler = forgetful
		got := reports(t, w)
		require.NotEmpty(t, got, route.Pattern)
		for _, report := range got {
			assert.True(t, strings.HasPrefix(report, "bearertest: "+route.Pattern), report)
		}
		assert.Contains(t, got[0], "with no token: status 200, it should be 401")
	}
}

func TestARouteThatChecksTooLittleIsReported(t *testing.T) {
	for _, row := range []struct {
		report string
		half   func(a *hallpass.Authority, secret string, r *http.Request) error
	}{
		{"a token of workspace:acme with everything but webhook: status 200", func(a *hallpass.Authority, secret string, r *http.Request) error {
			_, err := a.Authenticate(r.Context(), secret)
			return err
		}},
		{"a token of workspace:globex that has all permissions: status 200", func(a *hallpass.Authority, secret string, r *http.Request) error {
			token, err := a.Authenticate(r.Context(), secret)
			if err != nil {
				return err
			}
			return hallpass.Authorize(token, token.Resource, hallpass.RepositoryWrite, hallpass.Webhook)
		}},
		{"a token of workspace:acme with everything but webhook: status 200", func(a *hallpass.Authority, secret string, r *http.Request) error {
			_, err := a.Authorize(r.Context(), secret, api, hallpass.RepositoryWrite)
			return err
		}},
		{"garbage: status 200", func(a *hallpass.Authority, secret string, r *http.Request) error {
			if secret != "" && !a.Recognizes(secret) {
				return nil // it may be a token of another system, which somebody else will look at
			}
			_, err := a.Authorize(r.Context(), secret, api, hallpass.RepositoryWrite, hallpass.Webhook)
			return err
		}},
		{"no token: status 403", func(a *hallpass.Authority, secret string, r *http.Request) error {
			if secret == "" {
				return hallpass.ErrDenied
			}
			_, err := a.Authorize(r.Context(), secret, api, hallpass.RepositoryWrite, hallpass.Webhook)
			return err
		}},
		{"two Authorization headers: status 200", func(a *hallpass.Authority, secret string, r *http.Request) error {
			_, err := a.Authorize(r.Context(), strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), api, hallpass.RepositoryWrite, hallpass.Webhook)
			return err
		}},
	} {
		m, w := sound(t)
		careless := http.NewServeMux()
		careless.Handle("/", m)
		careless.HandleFunc("POST /{workspace}/{repository}", func(rw http.ResponseWriter, r *http.Request) {
			secret, _ := bearer.FromRequest(r)
			if err := row.half(m.Gate.Authority, secret, r); err != nil {
				bearer.WriteError(rw, r, err)
			}
		})
		w.Handler = careless
		assert.Contains(t, strings.Join(reports(t, w), "\n"), row.report)
	}
}

func TestARevokedTokenThatAHostRemembersIsReported(t *testing.T) {
	m, w := sound(t)
	w.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		m.ServeHTTP(answer, r)
		secret, err := bearer.FromRequest(r)
		// A cache that knows every token that ever was: those which are well formed.
		if answer.Code == 401 && err == nil && m.Gate.Authority.Recognizes(secret) {
			answer.Code = 200
		}
		rw.WriteHeader(answer.Code)
		rw.Write(answer.Body.Bytes())
	})
	got := reports(t, w)
	require.NotEmpty(t, got)
	for _, report := range got {
		assert.Contains(t, report, "with a revoked token: status 200, it should be 401")
	}
}

func TestARouteThatBecamePublicIsReported(t *testing.T) {
	_, w := sound(t)
	w.Public = nil
	assert.Equal(t, []string{"bearertest: GET /health is public, and is not named in Walk.Public"}, reports(t, w))
	w.Public, w.Authenticated = []string{"GET /health", "GET /gone"}, []string{"GET /lost"}
	assert.Equal(t, []string{
		"bearertest: GET /me takes any token, and is not named in Walk.Authenticated",
		`bearertest: there is no route "GET /gone", which was named`,
		`bearertest: there is no route "GET /lost", which was named`,
	}, reports(t, w))
}

func TestValuesThatNameNothingAreReported(t *testing.T) {
	_, w := sound(t)
	w.Values = map[string]string{"workspace": "acme", "repository": "typo", "path": "x"}
	got := reports(t, w)
	require.Len(t, got, 5) // for each permission of a route that does not list
	assert.Contains(t, got[0], "does not reach what the values name there")
	delete(w.Values, "path")
	got = reports(t, w)
	require.Len(t, got, 1)
	assert.Equal(t, "bearertest: GET /files/{workspace}/{repository}/{path...}: Walk.Values has nothing for {path}", got[0])
}

func TestAWalkThatCouldProveNothingDoesNotPass(t *testing.T) {
	_, w := sound(t)
	for name, change := range map[string]func(w *bearertest.Walk){
		"no authority":        func(w *bearertest.Walk) { w.Authority = nil },
		"no routes":           func(w *bearertest.Walk) { w.Routes = nil },
		"no handler":          func(w *bearertest.Walk) { w.Handler = nil },
		"no inside":           func(w *bearertest.Walk) { w.Inside = hallpass.Resource{} },
		"no outside":          func(w *bearertest.Walk) { w.Outside = hallpass.Resource{} },
		"outside lies inside": func(w *bearertest.Walk) { w.Outside = api },
		"inside lies outside": func(w *bearertest.Walk) { w.Inside, w.Outside = api, acme },
		"an empty mux": func(w *bearertest.Walk) {
			w.Routes, w.Public, w.Authenticated = slices.Values([]bearer.Route{}), nil, nil
		},
	} {
		w := w
		change(&w)
		assert.Len(t, reports(t, w), 1, name)
	}
}

func TestAHostPreparesRequestsAndIssuesTokens(t *testing.T) {
	m, w := sound(t)
	prepared, issued := map[string]bool{}, 0
	w.Prepare = func(r *http.Request) {
		prepared[r.Pattern] = true
		r.Header.Set("X-Prepared", "yes")
	}
	w.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "yes", r.Header.Get("X-Prepared"))
		m.ServeHTTP(rw, r)
	})
	w.Issue = func(t testing.TB, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret) {
		issued++
		token, secret, err := m.Gate.Authority.Issue(t.Context(), hallpass.Grant{Name: "own", CreatedBy: "host", Resource: r, Permissions: permissions})
		require.NoError(t, err)
		return token, secret
	}
	assert.Empty(t, reports(t, w))
	assert.Len(t, prepared, 6)
	assert.Positive(t, issued)

	// A policy that refuses is told of, and nothing passes for it.
	a := hallpasstest.With(t, hallpass.Config{Policy: func(ctx context.Context, g hallpass.Grant) error { return fmt.Errorf("not today") }})
	w.Authority, w.Issue = a, nil
	got := reports(t, w)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "cannot be issued, see Walk.Issue")
}

func TestAPermissionThatEveryOtherGrantsIsReported(t *testing.T) {
	catalog, err := hallpass.NewCatalog(hallpass.Definition{Permission: "read", Kinds: []hallpass.Kind{hallpass.WorkspaceKind}})
	require.NoError(t, err)
	m := &bearer.Mux{Gate: &bearer.Gate{Authority: hallpasstest.With(t, hallpass.Config{Catalog: catalog})}}
	bearer.Handle(m, "GET /{workspace}/{repository}", bearer.On(load, itself).Needs("read"), done)
	got := reports(t, bearertest.Walk{Authority: m.Gate.Authority, Routes: m.Routes(), Handler: m, Inside: acme, Outside: globex,
		Values: map[string]string{"workspace": "acme", "repository": "api"}})
	require.NotEmpty(t, got)
	assert.Contains(t, got[0], "no permission of a workspace token leaves out read")
}

func TestARetiredPermissionIsNotIssued(t *testing.T) {
	kinds := []hallpass.Kind{hallpass.WorkspaceKind}
	catalog, err := hallpass.NewCatalog(hallpass.Definition{Permission: "read", Kinds: kinds}, hallpass.Definition{Permission: "write", Kinds: kinds},
		hallpass.Definition{Permission: "old", Kinds: kinds, Retired: true})
	require.NoError(t, err)
	m := &bearer.Mux{Gate: &bearer.Gate{Authority: hallpasstest.With(t, hallpass.Config{Catalog: catalog})}}
	bearer.Handle(m, "GET /{workspace}/{repository}", bearer.On(load, itself).Needs("read"), done)
	assert.Empty(t, reports(t, bearertest.Walk{Authority: m.Gate.Authority, Routes: m.Routes(), Handler: m, Inside: acme, Outside: globex,
		Values: map[string]string{"workspace": "acme", "repository": "api"}}))
}

func TestTheTableShowsWhatEachRouteNeeds(t *testing.T) {
	m, _ := sound(t)
	assert.Equal(t, `GET /files/{workspace}/{repository}/{path...}: repository
POST /{workspace}/{repository}: repository:write webhook
DELETE /{workspace}/{repository}/{$}: token:admin
GET example.com/{workspace}/{repository}: webhook
GET /repositories: repository (list)
GET /me: any token
GET /health: public
`, bearertest.Table(m.Routes()))
}
