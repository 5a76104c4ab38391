package main

import (
	"net/http"
	"time"

	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/alerts"
	"github.com/hallpass-go/hallpass/examples/forge/api"
	"github.com/hallpass-go/hallpass/examples/forge/git"
	"github.com/hallpass-go/hallpass/examples/forge/host"
	"github.com/hallpass-go/hallpass/examples/forge/web"
)

// A forge serves tokens on some paths and people on the others. No path takes both.
type forge struct {
	guarded bearer.Mux // what tokens are for
	serve   http.ServeMux
}

// patience is how long the body of a request may take.
const patience = 30 * time.Second

// newForge puts the parts together. url is where people and git find it.
func newForge(h *host.Host, url string, secure bool, keys alerts.Keys) (*forge, error) {
	f := &forge{guarded: bearer.Mux{Gate: &bearer.Gate{Authority: h.Passes, Realm: "forge"}}}
	api.Routes(&f.guarded, h)
	if err := git.Routes(&f.guarded, h, git.Options{}); err != nil {
		return nil, err
	}
	f.guarded.Public("POST /alerts/secret-scanning", alerts.Handler(h.Passes, keys))
	f.guarded.Public("GET /health", health(h))

	f.serve.Handle("/2.0/", inTime(&f.guarded, patience))
	f.serve.Handle("/git/", inTime(&f.guarded, patience))
	f.serve.Handle("/alerts/", inTime(&f.guarded, patience))
	f.serve.Handle("/health", inTime(&f.guarded, patience))
	f.serve.Handle("/", inTime(web.New(h, web.Options{
		Secure:   secure,
		CloneURL: func(workspace, slug string) string { return url + "/git/" + workspace + "/" + slug + ".git" },
	}), patience))
	return f, nil
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.serve.ServeHTTP(w, r) }

// inTime gives the body of a request some time to arrive, also one that nobody reads, for the server does before it goes on. Pushes take
// longer, and get more time as they are read. What has no body gets no deadline: the server would take it for a client that is gone.
func inTime(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience)) // which only a test's recorder cannot
		}
		next.ServeHTTP(w, r)
	})
}

// health tells a load balancer whether tokens can be checked.
func health(h *host.Host) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Passes.Check(r.Context()); err != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
