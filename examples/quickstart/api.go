package main

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// routes is the API. Each line says what a request is asked about, what does its work, and which permissions it needs.
func (s *service) routes() http.Handler {
	const (
		repositories = "/2.0/repositories/{workspace}"
		repository   = "/2.0/repositories/{workspace}/{repository}"
		workspace    = "/2.0/workspaces/{workspace}"
	)
	onRepository := bearer.On(s.repository, place.resource)
	onProject := bearer.On(s.project, place.resource)
	onWorkspace := bearer.On(s.workspace, place.resource)
	mux := &bearer.Mux{Gate: &bearer.Gate{Authority: s.passes}}

	// Of a repository.
	bearer.Handle(mux, "GET "+repository, onRepository.Needs(hallpass.RepositoryRead), stub(200, "read"))
	bearer.Handle(mux, "POST "+repository+"/src", onRepository.Needs(hallpass.RepositoryWrite), stub(201, "pushed"))
	bearer.Handle(mux, "DELETE "+repository, onRepository.Needs(hallpass.RepositoryDelete), s.deleteRepository)
	bearer.Handle(mux, "GET "+repository+"/pullrequests", onRepository.Needs(hallpass.PullRequestRead), stub(200, "listed"))
	bearer.Handle(mux, "POST "+repository+"/pullrequests", onRepository.Needs(hallpass.PullRequestWrite), stub(201, "created"))
	bearer.Handle(mux, "POST "+repository+"/pullrequests/{id}/merge", onRepository.Needs(hallpass.PullRequestWrite), stub(200, "merged"))
	bearer.Handle(mux, "POST "+repository+"/pipelines", onRepository.Needs(hallpass.PipelineWrite), stub(201, "started"))
	bearer.Handle(mux, "POST "+repository+"/pipelines_config/variables", onRepository.Needs(hallpass.PipelineVariable), stub(201, "created"))
	bearer.Handle(mux, "GET "+repository+"/hooks", onRepository.Needs(hallpass.Webhook), stub(200, "listed"))
	// A webhook tells of what is pushed, so whoever adds one also has to be allowed to read that. All that is named is needed.
	bearer.Handle(mux, "POST "+repository+"/hooks", onRepository.Needs(hallpass.Webhook, hallpass.RepositoryRead), stub(201, "created"))

	// Of a project, and of a workspace.
	bearer.Handle(mux, "GET "+workspace+"/projects/{project}", onProject.Needs(hallpass.ProjectRead), stub(200, "read"))
	bearer.Handle(mux, "PUT "+workspace+"/projects/{project}", onWorkspace.Needs(hallpass.ProjectAdmin), s.createProject)
	bearer.Handle(mux, "GET "+workspace+"/members", onWorkspace.Needs(hallpass.AccountRead), stub(200, "listed"))
	bearer.Handle(mux, "POST "+workspace+"/pipelines-config/variables", onWorkspace.Needs(hallpass.PipelineVariable), stub(201, "created"))
	// No token can hold workspace:admin. The route stands behind the same check all the same: one rule for all of them.
	bearer.Handle(mux, "PUT "+workspace, onWorkspace.Needs(hallpass.WorkspaceAdmin), stub(200, "changed"))

	// Lists, of what the token reaches.
	mux.List("GET "+repositories, s.list(s.host.repositories), hallpass.RepositoryRead)
	mux.List("GET "+workspace+"/projects", s.list(s.host.projects), hallpass.ProjectRead)
	return mux
}

// The loaders take the names out of a URL, and leave it to the host's tables what they mean.

func (s *service) workspace(r *http.Request) (place, error) {
	return s.host.workspace(r.Context(), r.PathValue("workspace"))
}

func (s *service) project(r *http.Request) (place, error) {
	return s.host.project(r.Context(), r.PathValue("workspace"), r.PathValue("project"))
}

func (s *service) repository(r *http.Request) (place, error) {
	return s.host.repository(r.Context(), r.PathValue("workspace"), r.PathValue("repository"))
}

// stub is a handler that stands for the work of a real forge. It says in whose name it was done: that of the token.
func stub(status int, done string) func(http.ResponseWriter, *http.Request, place) {
	return func(w http.ResponseWriter, r *http.Request, _ place) {
		token, _ := hallpass.FromContext(r.Context())
		answer(w, status, map[string]string{"done": done, "by": token.Name})
	}
}

// createProject makes the project that the URL names, unless it is there.
func (s *service) createProject(w http.ResponseWriter, r *http.Request, at place) {
	token, _ := hallpass.FromContext(r.Context())
	if err := s.host.addProject(r.Context(), at, r.PathValue("project")); err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, map[string]string{"done": "created", "by": token.Name})
}

// deleteRepository deletes a repository and ends the tokens that are bound to it, both or neither: With issues and revokes in
// the host's own transaction.
func (s *service) deleteRepository(w http.ResponseWriter, r *http.Request, at place) {
	tx, err := s.db.BeginTx(r.Context(), nil)
	if err != nil {
		fail(w, r, err)
		return
	}
	defer tx.Rollback() // which does nothing after the commit
	err = s.host.removeRepository(r.Context(), tx, at)
	if err == nil {
		_, err = s.passes.With(s.store.WithTx(tx)).RevokeAll(r.Context(), at.resource())
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// A list is the answer of a route that lists.
type list struct {
	Values []item `json:"values"`
}

type item struct {
	Name string `json:"name"`
}

// A lister returns the names of what lies in a workspace, as far as it also lies within reach.
type lister func(r *http.Request, workspace string, reach hallpass.Resource) ([]string, error)

// list is the handler of a route that lists. Such a route is not refused for what lies out of reach: it leaves that out.
func (s *service) list(names lister) func(http.ResponseWriter, *http.Request, hallpass.Resource) {
	return func(w http.ResponseWriter, r *http.Request, reach hallpass.Resource) {
		found, err := names(r, r.PathValue("workspace"), reach)
		if err != nil {
			fail(w, r, err)
			return
		}
		l := list{Values: []item{}}
		for _, name := range found {
			l.Values = append(l.Values, item{name})
		}
		answer(w, http.StatusOK, l)
	}
}

// fail answers a request whose work failed. WriteError shows nothing of err but its kind, so the log gets the rest.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	slog.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	bearer.WriteError(w, r, err)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // to a client that is gone nothing can be told
}
