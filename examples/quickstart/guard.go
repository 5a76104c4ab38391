package main

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

type (
	// A finder looks up what a URL names. Where that is not there, it returns what there is of the way to it, such as the
	// workspace alone, with hallpass.ErrNotFound.
	finder func(*http.Request) (place, error)

	// A handler does the work of a request that was let through. The token is the user: what it does is done in its name.
	handler func(http.ResponseWriter, *http.Request, hallpass.Token, place)
)

// guard puts the check in front of a handler. Nothing else stands between net/http and hallpass.
func (s *service) guard(find finder, next handler, p hallpass.Permission, more ...hallpass.Permission) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, at, err := s.check(r, find, p, more...)
		if err != nil {
			fail(w, r, err)
			return
		}
		next(w, r, token, at)
	}
}

// check authenticates, then looks up, then decides. Only a nil error means yes.
func (s *service) check(r *http.Request, find finder, p hallpass.Permission, more ...hallpass.Permission) (hallpass.Token, place, error) {
	// Whose token is it? This comes first, so that strangers cause no work in the host's tables, and learn nothing of what is in them.
	token, err := s.authenticate(r)
	if err != nil {
		return hallpass.Token{}, place{}, err
	}
	// What does the URL name? The host's own tables say so, also in which project a repository lies. The request has no say in it.
	at, notThere := find(r)
	if notThere != nil && !errors.Is(notThere, hallpass.ErrNotFound) {
		return hallpass.Token{}, place{}, notThere
	}
	// May the token do it there? If there is no such thing, may it do it in all of the workspace? Only then may it learn that the
	// thing is not there (404). To any other token it looks like whatever else it does not reach (403).
	if err := s.passes.Decide(r.Context(), token, at.resource(), p, more...); err != nil {
		return hallpass.Token{}, place{}, err
	}
	return token, at, notThere
}

// authenticate returns the live token that a request presents.
func (s *service) authenticate(r *http.Request) (hallpass.Token, error) {
	secret, err := bearer.FromRequest(r)
	if err != nil {
		return hallpass.Token{}, err
	}
	return s.passes.Authenticate(r.Context(), secret)
}

// A lister returns the names of what lies in a workspace, as far as it also lies within reach.
type lister func(r *http.Request, workspace string, reach hallpass.Resource) ([]string, error)

// guardList is guard for a route that lists. Such a route is not refused for what lies out of reach: it leaves that out.
func (s *service) guardList(list lister, p hallpass.Permission) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		names, err := s.checkList(r, list, p)
		if err != nil {
			fail(w, r, err)
			return
		}
		answerList(w, names)
	}
}

func (s *service) checkList(r *http.Request, list lister, p hallpass.Permission) ([]string, error) {
	token, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	// May the token list at all? It may if it may do so with what it is bound to.
	if err := s.passes.Decide(r.Context(), token, token.Resource, p); err != nil {
		return nil, err
	}
	// Show what lies within its reach, and nothing else. If the token ended just now, that is the zero Resource, with nothing in it.
	reach, _ := token.Reach(p)
	return list(r, r.PathValue("workspace"), reach)
}

// fail answers a request that may not go on. WriteError shows nothing of err but its kind, so the log gets the rest.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if bearer.StatusCode(err) >= 500 {
		slog.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	bearer.WriteError(w, r, err)
}
