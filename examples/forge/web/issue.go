package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallpass-go/hallpass"
)

// maxName is how many bytes the name of a token may have.
const maxName = 128

type formPage struct {
	place
	Typed                             string // the name of the token
	Areas                             []area
	Wrong, WrongName, WrongPermission string // what is wrong: with all of it, with a field
}

func (s *server) showForm(w http.ResponseWriter, r *http.Request, p place) error {
	return s.form(w, r, http.StatusOK, formPage{place: p}, nil)
}

func (s *server) form(w http.ResponseWriter, r *http.Request, status int, f formPage, checked []hallpass.Permission) error {
	f.Areas = areas(s.host.Passes.Catalog(), f.resource.Kind(), checked)
	title := "New token for " + f.Name
	if status != http.StatusOK {
		title = "Please check: " + title
	}
	return s.render(w, r, status, "form.html", view{Title: title, Crumbs: f.crumbs("New token"), Body: f})
}

// issue makes a token. Whether this person may is said by the policy of the host, whatever the pages show.
func (s *server) issue(w http.ResponseWriter, r *http.Request, p place) error {
	if err := parse(r); err != nil {
		return err
	}
	f := formPage{place: p, Typed: strings.TrimSpace(r.PostForm.Get("name"))}
	permissions := []hallpass.Permission{}
	for _, text := range r.PostForm["permission"] {
		permissions = append(permissions, hallpass.Permission(text))
	}
	slices.Sort(permissions)
	permissions = slices.Compact(permissions)
	f.WrongName, f.WrongPermission = wrongName(f.Typed), s.wrongPermissions(p, permissions)
	if f.WrongName != "" || f.WrongPermission != "" {
		return s.form(w, r, http.StatusUnprocessableEntity, f, permissions)
	}
	token, secret, err := s.host.Passes.Issue(r.Context(), hallpass.Grant{
		Name:        f.Typed,
		CreatedBy:   who(r.Context()).ID,
		Resource:    p.resource.Identity(),
		Permissions: permissions,
	})
	if status, sentence := refusal(err); sentence != "" {
		f.Wrong = sentence
		return s.form(w, r, status, f, permissions)
	}
	if err != nil {
		return err
	}
	s.handOver(w, r, p, token, secret)
	return nil
}

// handOver leads to the page that shows the secret. A reload of that page makes no further token.
func (s *server) handOver(w http.ResponseWriter, r *http.Request, p place, t hallpass.Token, secret hallpass.Secret) {
	s.secrets.put(s.sessions.Token(r.Context()), t.ID, secret)
	http.Redirect(w, r, p.Path+"/"+string(t.ID)+"/secret", http.StatusSeeOther)
}

// wrongName says what is wrong with a name, in the words of people; "" if nothing is. Issue checks it again.
func wrongName(name string) string {
	switch {
	case name == "":
		return "Give the token a name, such as that of the job or the application that will use it."
	case len(name) > maxName:
		return fmt.Sprintf("The name is too long: it has %d bytes, and at most %d are allowed.", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "The name has a character that cannot be shown, such as a tab or a line break."
	}
	return ""
}

func (s *server) wrongPermissions(p place, chosen []hallpass.Permission) string {
	if len(chosen) == 0 {
		return "Choose at least one permission: a token without any could do nothing."
	}
	for _, c := range chosen {
		d, ok := s.host.Passes.Catalog().Definition(c)
		if !ok || d.Retired || !slices.Contains(d.Kinds, p.resource.Kind()) {
			return fmt.Sprintf("No %s token can be made with %.64q.", p.Kind, c)
		}
	}
	return ""
}
