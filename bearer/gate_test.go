package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// required is a plain http.ServeMux with one route behind Require.
func (h *hub) required(p hallpass.Permission, more ...hallpass.Permission) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{workspace}/{repository}", h.gate.Require(h.resource, p, more...)(http.HandlerFunc(h.reached)))
	return mux
}

func TestAStrangerCausesNoLoadAndLearnsNothingOfWhatExists(t *testing.T) {
	h := newHub(t)
	handler := h.required(hallpass.RepositoryRead)
	there, elsewhere := call(handler, "GET", "/acme/api", ""), call(handler, "GET", "/acme/nothing", "")
	assert.Equal(t, http.StatusUnauthorized, there.Code)
	assert.Equal(t, there.Body.String(), elsewhere.Body.String())
	assert.Equal(t, there.Header(), elsewhere.Header())
	assert.Equal(t, `Bearer realm="hub"`, there.Header().Get("WWW-Authenticate"))
	assert.Zero(t, h.loads.Load())
	assert.Zero(t, h.calls.Load())
}

// The rule of the gate is that of Authorize: for all tokens of a small world, all repositories and all pairs of permissions.
func TestAGateDecidesAsAuthorizeDoes(t *testing.T) {
	h := newHub(t)
	permissions := []hallpass.Permission{hallpass.RepositoryRead, hallpass.RepositoryWrite, hallpass.Webhook}
	tokens := []hallpass.Resource{hallpass.Workspace("acme"), hallpass.Project("acme", "core"), hallpass.Project("acme", "web"),
		hallpass.Repository("acme", "api"), hallpass.Repository("globex", "api")}
	yes, no := 0, 0
	for _, p := range permissions {
		for _, q := range permissions {
			handler := h.required(p, q)
			for _, bound := range tokens {
				for _, granted := range permissions {
					secret := h.secret(t, bound, granted)
					for name, resource := range hubRepositories {
						h.calls.Store(0)
						_, want := h.passes.Authorize(t.Context(), secret, resource, p, q)
						status := call(handler, "GET", "/"+name[0]+"/"+name[1], secret).Code
						require.Equal(t, bearer.StatusCode(want), status, "a token of %v with %s for %v, which needs %s and %s", bound, granted, resource, p, q)
						require.Equal(t, want == nil, h.calls.Load() == 1)
						if want == nil {
							yes++
						} else {
							no++
						}
					}
				}
			}
		}
	}
	assert.Greater(t, yes, 20)
	assert.Greater(t, no, 200)
}

func TestWhatDoesNotExistIsAnsweredAsWhatIsOutOfReach(t *testing.T) {
	h := newHub(t)
	handler := h.required(hallpass.RepositoryWrite, hallpass.Webhook)
	for name, secret := range map[string]string{
		"a repository":            h.secret(t, hallpass.Repository("acme", "api"), hallpass.RepositoryWrite, hallpass.Webhook),
		"a repository, read only": h.secret(t, hallpass.Repository("acme", "api"), hallpass.RepositoryRead),
		"a project":               h.secret(t, hallpass.Project("acme", "core"), hallpass.RepositoryWrite, hallpass.Webhook),
		"another workspace":       h.secret(t, hallpass.Workspace("globex"), hallpass.RepositoryWrite, hallpass.Webhook),
	} {
		there := call(handler, "GET", "/acme/site", secret)
		require.Equal(t, http.StatusForbidden, there.Code, name)
		for _, path := range []string{"/acme/nothing", "/nobody/api", "/acme/%2e%2e", "/acme/api%2fx"} {
			missing := call(handler, "GET", path, secret)
			assert.Equal(t, there.Code, missing.Code, "%s: %s", name, path)
			assert.Equal(t, there.Body.String(), missing.Body.String(), "%s: %s", name, path)
			assert.Equal(t, there.Header(), missing.Header(), "%s: %s", name, path)
		}
	}
}

func TestATokenOfTheWholeWorkspaceLearnsWhatIsNotThere(t *testing.T) {
	h := newHub(t)
	handler := h.required(hallpass.RepositoryWrite)
	assert.Equal(t, http.StatusNotFound, call(handler, "GET", "/acme/nothing", h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryWrite)).Code)
	// Without the permission it gets the answer that it gets for what is there.
	reader := h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryRead)
	there, missing := call(handler, "GET", "/acme/api", reader), call(handler, "GET", "/acme/nothing", reader)
	assert.Equal(t, http.StatusForbidden, there.Code)
	assert.Equal(t, there.Body.String(), missing.Body.String())
	assert.Equal(t, there.Header(), missing.Header())
	// So it does without the second of two.
	handler = h.required(hallpass.RepositoryRead, hallpass.Webhook)
	there, missing = call(handler, "GET", "/acme/api", reader), call(handler, "GET", "/acme/nothing", reader)
	assert.Equal(t, http.StatusForbidden, there.Code)
	assert.Equal(t, there.Body.String(), missing.Body.String())
	handler = h.required(hallpass.RepositoryWrite)
	// A workspace that is not there is nobody's.
	assert.Equal(t, http.StatusForbidden, call(handler, "GET", "/nobody/api", h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryWrite)).Code)
}

func TestAProjectTokenLearnsWhatIsNotThereInItsRepository(t *testing.T) {
	h := newHub(t)
	load := func(*http.Request) (hallpass.Resource, error) {
		return hallpass.Resource{}, bearer.NotFound(hallpass.Repository("acme", "api").In("core"))
	}
	handler := h.gate.Require(load, hallpass.PullRequestRead)(http.HandlerFunc(h.reached))
	assert.Equal(t, http.StatusNotFound, call(handler, "GET", "/", h.secret(t, hallpass.Project("acme", "core"), hallpass.PullRequestRead)).Code)
	assert.Equal(t, http.StatusForbidden, call(handler, "GET", "/", h.secret(t, hallpass.Project("acme", "web"), hallpass.PullRequestRead)).Code)
}

func TestADenialOfWhatIsNotThereIsAudited(t *testing.T) {
	h := newHub(t)
	secret := h.secret(t, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	h.events.take()
	call(h.required(hallpass.RepositoryRead), "GET", "/acme/nothing", secret)
	all := h.events.take()
	require.Len(t, all, 1)
	assert.Equal(t, hallpass.Denied, all[0].Kind)
	assert.Equal(t, hallpass.Workspace("acme"), all[0].Resource)
}

func TestALoadersErrorHasItsStatusAndItsTextStaysInside(t *testing.T) {
	h := newHub(t)
	secret := h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryRead)
	reads := hallpasstest.Secret(t, h.passes, hallpass.Repository("acme", "api"), hallpass.Webhook)
	for _, row := range []struct {
		err      error
		status   int
		stranger int // of a token that may do nothing here
	}{
		{errors.New("connection refused by db.internal"), 500, 500},
		{fmt.Errorf("%w: db.internal", hallpass.ErrUnavailable), 503, 503},
		{fmt.Errorf("%w: db.internal: %w", hallpass.ErrUnavailable, bearer.NotFound(hallpass.Workspace("acme"))), 503, 503},
		{fmt.Errorf("db.internal: %w", bearer.NotFound(hallpass.Workspace("acme"))), 404, 403},
		{hallpass.ErrNotFound, 403, 403}, // of what is not known where it is not, nobody learns
		{bearer.NotFound(hallpass.Resource{}), 403, 403},
	} {
		load := func(*http.Request) (hallpass.Resource, error) { return hallpass.Repository("acme", "api"), row.err }
		handler := h.gate.Require(load, hallpass.RepositoryRead)(http.HandlerFunc(h.reached))
		answer := call(handler, "GET", "/", secret)
		assert.Equal(t, row.status, answer.Code, "%v", row.err)
		assert.NotContains(t, answer.Body.String(), "db.internal")
		assert.Equal(t, row.stranger, call(handler, "GET", "/", reads).Code, "%v", row.err)
	}
	assert.Zero(t, h.calls.Load())
}

func TestTheZeroResourceIsDenied(t *testing.T) {
	h := newHub(t)
	load := func(*http.Request) (hallpass.Resource, error) { return hallpass.Resource{}, nil }
	handler := h.gate.Require(load, hallpass.RepositoryRead)(http.HandlerFunc(h.reached))
	assert.Equal(t, http.StatusForbidden, call(handler, "GET", "/", h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryRead)).Code)
	assert.Zero(t, h.calls.Load())
}

func TestAHandlerHasTheTokenAndItsAnswerIsNotStored(t *testing.T) {
	h := newHub(t)
	secret := h.secret(t, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	var got hallpass.Token
	see := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got, _ = hallpass.FromContext(r.Context()) })
	load := func(r *http.Request) (hallpass.Resource, error) {
		_, ok := hallpass.FromContext(r.Context())
		assert.True(t, ok, "the loader has it too")
		return hallpass.Repository("acme", "api"), nil
	}
	for _, handler := range []http.Handler{h.gate.Authenticate(see), h.gate.Require(load, hallpass.RepositoryRead)(see)} {
		got = hallpass.Token{}
		w := call(handler, "GET", "/", secret)
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, hallpass.Repository("acme", "api"), got.Resource)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Equal(t, "Authorization", w.Header().Get("Vary"))
	}
}

func TestAuthenticateTakesAnyLiveTokenAndNoOther(t *testing.T) {
	h := newHub(t)
	handler := h.gate.Authenticate(http.HandlerFunc(h.reached))
	secret := h.secret(t, hallpass.Repository("acme", "api"), hallpass.Webhook)
	assert.Equal(t, http.StatusOK, call(handler, "GET", "/", secret).Code)
	_, err := h.passes.RevokeExposed(t.Context(), secret)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, call(handler, "GET", "/", secret).Code)
	assert.Equal(t, http.StatusUnauthorized, call(handler, "GET", "/", "").Code)
	assert.EqualValues(t, 1, h.calls.Load())
}

func TestCheckDecidesForTheTokenOfTheContext(t *testing.T) {
	h := newHub(t)
	api := hallpass.Repository("acme", "api")
	assert.ErrorIs(t, h.gate.Check(t.Context(), api, hallpass.RepositoryRead), hallpass.ErrUnauthenticated, "there is none")

	token, err := h.passes.Authenticate(t.Context(), h.secret(t, api, hallpass.RepositoryRead))
	require.NoError(t, err)
	ctx := hallpass.NewContext(t.Context(), token)
	h.events.take()
	assert.NoError(t, h.gate.Check(ctx, api, hallpass.RepositoryRead))
	assert.ErrorIs(t, h.gate.Check(ctx, api, hallpass.RepositoryRead, hallpass.Webhook), hallpass.ErrDenied)
	assert.ErrorIs(t, h.gate.Check(ctx, hallpass.Repository("acme", "site"), hallpass.RepositoryRead), hallpass.ErrDenied)
	assert.Len(t, h.events.take(), 3)
}

func TestHideTellsWhatIsNotThereToATokenOfTheWholePlaceOnly(t *testing.T) {
	h := newHub(t)
	bearing := func(r hallpass.Resource, p ...hallpass.Permission) context.Context {
		token, err := h.passes.Authenticate(t.Context(), h.secret(t, r, p...))
		require.NoError(t, err)
		return hallpass.NewContext(t.Context(), token)
	}
	acme := hallpass.Workspace("acme")
	missing := fmt.Errorf("no row: %w", bearer.NotFound(acme))
	all := bearing(acme, hallpass.RepositoryRead, hallpass.Webhook)
	h.events.take()
	assert.Equal(t, missing, h.gate.Hide(all, missing, hallpass.RepositoryRead, hallpass.Webhook))
	assert.Empty(t, h.events.take(), "nothing was decided")

	for name, ctx := range map[string]context.Context{
		"half of the permissions": bearing(acme, hallpass.RepositoryRead),
		"a repository":            bearing(hallpass.Repository("acme", "api"), hallpass.RepositoryRead, hallpass.Webhook),
		"another workspace":       bearing(hallpass.Workspace("globex"), hallpass.RepositoryRead, hallpass.Webhook),
	} {
		there := h.gate.Check(ctx, hallpass.Repository("acme", "site").In("web"), hallpass.RepositoryRead, hallpass.Webhook)
		h.events.take()
		hidden := h.gate.Hide(ctx, missing, hallpass.RepositoryRead, hallpass.Webhook)
		assert.Len(t, h.events.take(), 1, name)
		var want, got *hallpass.DeniedError
		require.ErrorAs(t, there, &want, name)
		require.ErrorAs(t, hidden, &got, name)
		assert.Equal(t, want.Missing, got.Missing, name)
		assert.Equal(t, want.OutOfReach, got.OutOfReach, name)
		assert.NotErrorIs(t, hidden, hallpass.ErrNotFound, name)
	}
	// Of a place that nobody named, nobody is told.
	assert.ErrorIs(t, h.gate.Hide(all, hallpass.ErrNotFound, hallpass.RepositoryRead), hallpass.ErrDenied)
	assert.Equal(t, hallpass.ErrUnauthenticated, h.gate.Hide(t.Context(), missing, hallpass.RepositoryRead), "there is no token")
}

func TestHideLeavesOtherErrorsAsTheyAre(t *testing.T) {
	h := newHub(t)
	for _, err := range []error{nil, errors.New("connection refused"), hallpass.ErrDenied, fmt.Errorf("%w: %w", hallpass.ErrUnavailable, hallpass.ErrNotFound)} {
		assert.Equal(t, err, h.gate.Hide(t.Context(), err, hallpass.RepositoryRead))
	}
	assert.Empty(t, h.events.take())
}

func TestAGateThatCouldCheckNothingIsNotBuilt(t *testing.T) {
	h := newHub(t)
	next := http.HandlerFunc(h.reached)
	var none *bearer.Gate
	assert.PanicsWithValue(t, "bearer: Authenticate: the Gate has no Authority, and could check nothing", func() { none.Authenticate(next) })
	assert.Panics(t, func() { (&bearer.Gate{}).Authenticate(next) })
	assert.Panics(t, func() { (&bearer.Gate{}).Require(h.resource, hallpass.RepositoryRead) })
	assert.Panics(t, func() { h.gate.Require(nil, hallpass.RepositoryRead) })
	assert.PanicsWithValue(t, `bearer: Require: the permission "repository:read" is not in the catalog`, func() { h.gate.Require(h.resource, "repository:read") })
	assert.Panics(t, func() { h.gate.Require(h.resource, hallpass.RepositoryRead, "") })
	for _, realm := range []string{`a"b`, `a\b`, "a\r\nb", "ü"} {
		assert.Panics(t, func() { (&bearer.Gate{Authority: h.passes, Realm: realm}).Authenticate(next) }, realm)
	}
	(&bearer.Gate{Authority: h.passes, Realm: "Acme, Inc. API"}).Authenticate(next)
}

func TestAPanicOfALoaderReachesNoHandler(t *testing.T) {
	h := newHub(t)
	load := func(*http.Request) (hallpass.Resource, error) { panic("the database") }
	server := httptest.NewUnstartedServer(h.gate.Require(load, hallpass.RepositoryRead)(http.HandlerFunc(h.reached)))
	server.Config.ErrorLog = silent()
	server.Start()
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+h.secret(t, hallpass.Workspace("acme"), hallpass.RepositoryRead))
	_, err = http.DefaultClient.Do(r)
	assert.Error(t, err)
	assert.Zero(t, h.calls.Load())
}

func ExampleGate_Require() {
	passes := exampleAuthority()
	gate := bearer.Gate{Authority: passes}
	// Where the repository lies is what the host's database says.
	load := func(r *http.Request) (hallpass.Resource, error) {
		if r.PathValue("repository") != "api" {
			return hallpass.Resource{}, bearer.NotFound(hallpass.Workspace("acme"))
		}
		return hallpass.Repository("acme", "api").In("core"), nil
	}
	read := func(w http.ResponseWriter, r *http.Request) {
		token, _ := hallpass.FromContext(r.Context())
		fmt.Fprintf(w, "read by %s", token.Name)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /repositories/{repository}", gate.Require(load, hallpass.RepositoryRead)(http.HandlerFunc(read)))

	secret := exampleSecret(passes, hallpass.Project("acme", "core"), hallpass.RepositoryRead)
	fmt.Println(call(mux, "GET", "/repositories/api", secret).Body)
	fmt.Println(call(mux, "GET", "/repositories/api", "").Code)
	// Output:
	// read by deploy job
	// 401
}
