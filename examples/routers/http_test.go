package routers_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/bearer/bearertest"
	"github.com/hallpass-go/hallpass/examples/routers"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

func TestChiKeepsTheRules(t *testing.T)  { keepsTheRules(t, httpDoor(routers.Chi)) }
func TestEchoKeepsTheRules(t *testing.T) { keepsTheRules(t, httpDoor(routers.Echo)) }
func TestGinKeepsTheRules(t *testing.T)  { keepsTheRules(t, httpDoor(routers.Gin)) }

// What a Mux would list, a host with another router lists by hand.
var routes = []bearer.Route{
	{Pattern: "GET /repositories/{workspace}/{repository}", Permissions: []hallpass.Permission{hallpass.RepositoryRead}},
	{Pattern: "POST /repositories/{workspace}/{repository}/pipelines", Permissions: []hallpass.Permission{hallpass.PipelineWrite}},
	{Pattern: "GET /health", Public: true},
}

func walk(t *testing.T, router func(*routers.Forge) http.Handler) {
	s := newSite(t)
	bearertest.Walk{
		Authority: s.passes,
		Routes:    slices.Values(routes),
		Handler:   router(s.Forge),
		Values:    map[string]string{"workspace": "acme", "repository": "api"},
		Inside:    acme,
		Outside:   hallpass.Workspace("globex"),
		Public:    []string{"GET /health"},
	}.Run(t)
}

func TestNoRouteOfChiForgetsTheCheck(t *testing.T)  { walk(t, routers.Chi) }
func TestNoRouteOfEchoForgetsTheCheck(t *testing.T) { walk(t, routers.Echo) }
func TestNoRouteOfGinForgetsTheCheck(t *testing.T)  { walk(t, routers.Gin) }

// The walk is worth as much as its list. A router knows its routes.
func TestTheListHasEveryRouteOfEachRouter(t *testing.T) {
	forge := routers.NewForge(hallpasstest.New(t))
	var want []string
	for _, r := range routes {
		want = append(want, r.Pattern)
	}
	wildcard := regexp.MustCompile(`:([a-z]+)`)
	listed := map[string][]string{}
	list := func(router, method, path string) {
		listed[router] = append(listed[router], method+" "+wildcard.ReplaceAllString(path, "{$1}"))
	}
	require.NoError(t, chi.Walk(routers.Chi(forge).(chi.Router), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		list("chi", method, path)
		return nil
	}))
	for _, r := range routers.Echo(forge).(*echo.Echo).Router().Routes() {
		list("echo", r.Method, r.Path)
	}
	for _, r := range routers.Gin(forge).(*gin.Engine).Routes() {
		list("gin", r.Method, r.Path)
	}
	for _, router := range []string{"chi", "echo", "gin"} {
		assert.ElementsMatch(t, want, listed[router], router)
	}
}

// call sends a request within the process.
func call(handler http.Handler, method, target, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// The reason why Chi uses With: with Use nothing is let through.
func TestRequireInUseOfChiDeniesEverything(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, acme, hallpass.RepositoryRead)
	whole := func(r *http.Request) (hallpass.Resource, error) {
		return s.Find(r.PathValue("workspace"), r.PathValue("repository"))
	}
	ok := func(http.ResponseWriter, *http.Request) {}

	router := chi.NewRouter()
	router.Use(s.Gate.Require(whole, hallpass.RepositoryRead))
	router.Get("/repositories/{workspace}/{repository}", ok)
	assert.Equal(t, 403, call(router, "GET", "/repositories/acme/api", header).Code)

	assert.Equal(t, 200, call(routers.Chi(s.Forge), "GET", "/repositories/acme/api", header).Code)
}

// Nothing that stands behind the middleware is called, be it a handler or other middleware.
func TestGinCallsNothingBehindARefusal(t *testing.T) {
	s := newSite(t)
	called := 0
	count := func(*gin.Context) { called++ }
	e := gin.New()
	e.GET("/repositories/:workspace/:repository", routers.GinMiddleware(s.Gate.Require(func(r *http.Request) (hallpass.Resource, error) {
		return s.Find(r.PathValue("workspace"), r.PathValue("repository"))
	}, hallpass.RepositoryRead)), count, count)
	_, header := s.issue(t, api, hallpass.RepositoryRead)
	assert.Equal(t, 401, call(e, "GET", "/repositories/acme/api", "").Code)
	assert.Equal(t, 403, call(e, "GET", "/repositories/acme/site", header).Code)
	assert.Zero(t, called)
	assert.Equal(t, 200, call(e, "GET", "/repositories/acme/api", header).Code)
	assert.Equal(t, 2, called, "and each once")
}

// A path that is escaped in other ways than needed names what it names, or nothing.
func TestAnotherSpellingOfAPathReachesNothingElse(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryRead)
	for name, router := range map[string]http.Handler{"chi": routers.Chi(s.Forge), "echo": routers.Echo(s.Forge), "gin": routers.Gin(s.Forge)} {
		for _, path := range []string{"/repositories/acme/%73ite", "/repositories/acme/api%2f..%2fsite", "/repositories/acme/api%00", "/repositories/acme//site",
			"/repositories/acme/api/../site", "/repositories/%2e%2e/acme/site", "/repositories/acme/site?repository=api", "/repositories/acme/site/"} {
			got := call(router, "GET", path, header)
			assert.NotEqual(t, 200, got.Code, "%s: %s", name, path)
			assert.NotContains(t, got.Body.String(), "shown", "%s: %s", name, path)
		}
	}
}
