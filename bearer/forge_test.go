package bearer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// A hub is a host whose database says which repositories there are and where they lie.
type hub struct {
	passes *hallpass.Authority
	gate   *bearer.Gate
	events events
	loads  atomic.Int32 // how often the database was asked
	calls  atomic.Int32 // how often a handler was reached
}

type events struct{ all []hallpass.Event }

func (e *events) add(_ context.Context, event hallpass.Event) { e.all = append(e.all, event) }

// take returns the events since the last take.
func (e *events) take() []hallpass.Event {
	all := e.all
	e.all = nil
	return all
}

func newHub(t *testing.T) *hub {
	h := &hub{}
	h.passes = hallpasstest.With(t, hallpass.Config{Observe: h.events.add})
	h.gate = &bearer.Gate{Authority: h.passes, Realm: "hub"}
	return h
}

// acme has two projects with a repository each, globex has one of the same names.
var hubRepositories = map[[2]string]hallpass.Resource{
	{"acme", "api"}:   hallpass.Repository("acme", "api").In("core"),
	{"acme", "site"}:  hallpass.Repository("acme", "site").In("web"),
	{"globex", "api"}: hallpass.Repository("globex", "api").In("core"),
}

// A repo is what the hub loads.
type repo struct{ resource hallpass.Resource }

func (r repo) Resource() hallpass.Resource { return r.resource }

func (h *hub) repository(r *http.Request) (repo, error) {
	h.loads.Add(1)
	workspace := hallpass.Workspace(r.PathValue("workspace"))
	if id := workspace.Workspace(); id != "acme" && id != "globex" {
		return repo{}, bearer.NotFound(hallpass.Resource{})
	}
	resource, ok := hubRepositories[[2]string{r.PathValue("workspace"), r.PathValue("repository")}]
	if !ok {
		return repo{}, bearer.NotFound(workspace)
	}
	return repo{resource}, nil
}

func (h *hub) resource(r *http.Request) (hallpass.Resource, error) {
	loaded, err := h.repository(r)
	return loaded.resource, err
}

// reached is a handler.
func (h *hub) reached(w http.ResponseWriter, r *http.Request) { h.calls.Add(1) }

// secret issues a token.
func (h *hub) secret(t *testing.T, r hallpass.Resource, p ...hallpass.Permission) string {
	return hallpasstest.Secret(t, h.passes, r, p...)
}

// call sends a request with this token, or with none.
func call(handler http.Handler, method, target, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}
