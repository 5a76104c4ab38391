// Package web is the forge for people: its pages, which open for a session alone. No access token opens any of them, so that no token
// makes, sees or ends tokens.
package web

import (
	"context"
	"html/template"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// Options are what the pages need to know of the server around them.
type Options struct {
	Secure   bool                                // the server is reached over TLS alone: cookies are never sent without it
	CloneURL func(workspace, slug string) string // the whole URL of a repository of git; required. The API is at /2.0/ of the same server
}

// server is what the handlers share.
type server struct {
	host     *host.Host
	options  Options
	sessions *scs.SessionManager
	store    *sessionStore
	secrets  *box
	logins   *limiter
	pages    map[string]*template.Template
}

// New returns the handler of all pages. It expects to be at "/" of its server, and is safe for concurrent use.
func New(h *host.Host, o Options) http.Handler {
	s := &server{host: h, options: o, store: &sessionStore{h.DB}, secrets: newBox(), logins: newLimiter(), pages: parsePages()}
	s.sessions = s.newSessions()

	pages := http.NewServeMux()
	pages.Handle("GET /login", s.page(s.showLogin))
	pages.Handle("POST /login", s.page(s.logIn))
	pages.Handle("POST /logout", s.page(s.logOut))
	pages.Handle("GET /{$}", s.person(s.home))
	pages.Handle("GET /repositories/{workspace}/{repository}", s.person(s.repository))
	pages.Handle("GET /settings/{workspace}/audit", s.manager(s.audit))
	for _, tokens := range []string{
		"/settings/{workspace}/tokens",
		"/settings/{workspace}/projects/{project}/tokens",
		"/settings/{workspace}/repositories/{repository}/tokens",
	} {
		pages.Handle("GET "+tokens, s.manager(s.list))
		pages.Handle("POST "+tokens, s.manager(s.issue))
		pages.Handle("GET "+tokens+"/new", s.manager(s.showForm))
		pages.Handle("GET "+tokens+"/{token}/secret", s.manager(s.showSecret))
		pages.Handle("HEAD "+tokens+"/{token}/secret", s.person(s.missing)) // which would take the secret and show it to nobody
		pages.Handle("GET "+tokens+"/{token}/rotate", s.manager(s.confirmRotation))
		pages.Handle("POST "+tokens+"/{token}/rotate", s.manager(s.rotate))
		pages.Handle("GET "+tokens+"/{token}/revoke", s.manager(s.confirmRevocation))
		pages.Handle("POST "+tokens+"/{token}/revoke", s.manager(s.revoke))
	}
	pages.Handle("/", s.person(s.missing))

	all := http.NewServeMux()
	all.Handle("GET /static/", staticFiles())
	all.Handle("/", s.sessions.LoadAndSave(s.withPerson(pages)))
	return s.secure(all)
}

// page turns the error of a handler into an error page.
func (s *server) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// person is page for people alone. Whoever is not logged in learns nothing of what there is.
func (s *server) person(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return s.page(func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := host.PersonFrom(r.Context()); !ok {
			http.Redirect(w, r, loginFor(r), http.StatusSeeOther)
			return nil
		}
		return h(w, r)
	})
}

// manager is person for those who manage the place that the path names. To others it looks as if there were none.
func (s *server) manager(h func(http.ResponseWriter, *http.Request, place) error) http.Handler {
	return s.person(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.place(r)
		if err != nil {
			return err
		}
		return h(w, r, p)
	})
}

func (s *server) missing(http.ResponseWriter, *http.Request) error { return errMissing }

// who returns the person who acts. Only handlers behind person ask.
func who(ctx context.Context) host.Person {
	p, _ := host.PersonFrom(ctx)
	return p
}
