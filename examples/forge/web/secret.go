package web

import (
	"net/http"

	"github.com/hallpass-go/hallpass"
)

// secretPage shows the secret of a token that was made a moment ago; without one, that it cannot be shown.
type secretPage struct {
	place
	Token      row
	Old        *row // what the token replaced
	Secret     string
	Clone, API string // of a repository that the token may read; "" if there is none
}

func (s *server) showSecret(w http.ResponseWriter, r *http.Request, p place) error {
	t, err := s.token(r, p)
	if err != nil {
		return err
	}
	page := secretPage{place: p, Token: newRow(t, "")}
	if t.Scope.Permits(hallpass.RepositoryRead) {
		if err := s.example(r, &page); err != nil {
			return err
		}
	}
	if t.Replaces != "" {
		if old, err := s.host.Passes.Get(r.Context(), p.resource.Identity(), t.Replaces); err == nil {
			shown := newRow(old, "")
			page.Old = &shown
		} // without it the page says less
	}
	// Last, so that no error comes between the secret and its one showing.
	page.Secret = s.secrets.take(s.sessions.Token(r.Context()), t.ID).Reveal()
	status, title := http.StatusOK, "Copy the token now"
	if page.Secret == "" {
		status, title = http.StatusGone, "This token was shown once"
	}
	return s.render(w, r, status, "secret.html", view{Title: title, Crumbs: p.crumbs(t.Name), Script: true, Body: page})
}

// example finds a repository for the commands of the page.
func (s *server) example(r *http.Request, page *secretPage) error {
	reach := page.place.resource
	if reach.Kind() == hallpass.RepositoryKind {
		reach = reach.Identity()
	}
	all, err := s.host.Repositories(r.Context(), page.Workspace.Slug, reach)
	if err != nil || len(all) == 0 {
		return err
	}
	page.Clone, page.API = s.options.CloneURL(page.Workspace.Slug, all[0].Slug), s.apiURL(page.Workspace, all[0])
	return nil
}
