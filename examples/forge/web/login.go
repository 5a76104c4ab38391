package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass/examples/forge/host"
)

type loginPage struct{ Login, Next, Error string }

const (
	wrongPassword  = "There is no such login, or the password is not the one of this login."
	tokenIsNoLogin = "That is an access token. Tokens are for scripts and git: nobody logs in with one. Use your own login and password here. If the token was not meant to be seen, revoke it."
	tooManyLogins  = "Too many attempts failed for this login or from this address. Please wait before the next one."
)

func (s *server) showLogin(w http.ResponseWriter, r *http.Request) error {
	next := safeNext(r.URL.Query().Get("next"))
	if _, ok := host.PersonFrom(r.Context()); ok {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.loginPage(w, r, http.StatusOK, loginPage{Next: next})
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request, status int, p loginPage) error {
	return s.render(w, r, status, "login.html", view{Title: "Log in", Body: p})
}

func (s *server) logIn(w http.ResponseWriter, r *http.Request) error {
	if err := parse(r); err != nil {
		return err
	}
	login, next := strings.TrimSpace(r.PostForm.Get("login")), safeNext(r.PostForm.Get("next"))
	forgive, wait := s.logins.attempt(login, r.RemoteAddr)
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		// Here the login is not shown again: nobody looked yet whether it is a token.
		return s.loginPage(w, r, http.StatusTooManyRequests, loginPage{Next: next, Error: tooManyLogins})
	}
	p, err := s.host.LogIn(r.Context(), login, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, host.ErrToken): // neither field is shown again
		forgive()
		return s.loginPage(w, r, http.StatusUnprocessableEntity, loginPage{Next: next, Error: tokenIsNoLogin})
	case errors.Is(err, host.ErrWrongPassword):
		return s.loginPage(w, r, http.StatusUnauthorized, loginPage{Login: login, Next: next, Error: wrongPassword})
	case err != nil:
		forgive()
		return err
	}
	forgive()
	s.store.sweep(r.Context())
	// What this browser had of a session before, its own or a planted one, is not that of this person.
	if err := s.sessions.Clear(r.Context()); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), personKey, p.ID)
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *server) logOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// loginFor returns the login page that leads back to where r wanted to go.
func loginFor(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// safeNext returns next if it is a path of this server, and "/" otherwise. Browsers take "\" for "/" and drop control characters, so
// that "/\host" and "/<tab>/host" lead to another server just as "//host" does.
func safeNext(next string) string {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }
	u, err := url.Parse(next)
	if err != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, odd) ||
		u.Scheme != "" || u.Host != "" {
		return "/"
	}
	return next
}
