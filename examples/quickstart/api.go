package main

import (
	"encoding/json"
	"net/http"

	"github.com/hallpass-go/hallpass"
)

// routes is the API. Each line says what a request is asked about, what does its work, and which permissions it needs.
func (s *service) routes() http.Handler {
	const (
		repositories = "/2.0/repositories/{workspace}"
		repository   = "/2.0/repositories/{workspace}/{repository}"
		workspace    = "/2.0/workspaces/{workspace}"
	)
	mux := http.NewServeMux()

	// Of a repository.
	mux.Handle("GET "+repository, s.guard(s.repository, stub(200, "read"), hallpass.RepositoryRead))
	mux.Handle("POST "+repository+"/src", s.guard(s.repository, stub(201, "pushed"), hallpass.RepositoryWrite))
	mux.Handle("DELETE "+repository, s.guard(s.repository, s.deleteRepository, hallpass.RepositoryDelete))
	mux.Handle("GET "+repository+"/pullrequests", s.guard(s.repository, stub(200, "listed"), hallpass.PullRequestRead))
	mux.Handle("POST "+repository+"/pullrequests", s.guard(s.repository, stub(201, "created"), hallpass.PullRequestWrite))
	mux.Handle("POST "+repository+"/pullrequests/{id}/merge", s.guard(s.repository, stub(200, "merged"), hallpass.PullRequestWrite))
	mux.Handle("POST "+repository+"/pipelines", s.guard(s.repository, stub(201, "started"), hallpass.PipelineWrite))
	mux.Handle("POST "+repository+"/pipelines_config/variables", s.guard(s.repository, stub(201, "created"), hallpass.PipelineVariable))
	mux.Handle("GET "+repository+"/hooks", s.guard(s.repository, stub(200, "listed"), hallpass.Webhook))
	// A webhook tells of what is pushed, so whoever adds one also has to be allowed to read that. All that is named is needed.
	mux.Handle("POST "+repository+"/hooks", s.guard(s.repository, stub(201, "created"), hallpass.Webhook, hallpass.RepositoryRead))

	// Of a project, and of a workspace.
	mux.Handle("GET "+workspace+"/projects/{project}", s.guard(s.project, stub(200, "read"), hallpass.ProjectRead))
	mux.Handle("PUT "+workspace+"/projects/{project}", s.guard(s.workspace, s.createProject, hallpass.ProjectAdmin))
	mux.Handle("GET "+workspace+"/members", s.guard(s.workspace, stub(200, "listed"), hallpass.AccountRead))
	mux.Handle("POST "+workspace+"/pipelines-config/variables", s.guard(s.workspace, stub(201, "created"), hallpass.PipelineVariable))
	// No token can hold workspace:admin. The route stands behind the same check all the same: one rule for all of them.
	mux.Handle("PUT "+workspace, s.guard(s.workspace, stub(200, "changed"), hallpass.WorkspaceAdmin))

	// Lists, of what the token reaches.
	mux.Handle("GET "+repositories, s.guardList(s.host.repositories, hallpass.RepositoryRead))
	mux.Handle("GET "+workspace+"/projects", s.guardList(s.host.projects, hallpass.ProjectRead))
	return mux
}

// The finders take the names out of a URL, and leave it to the host's tables what they mean.

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
func stub(status int, done string) handler {
	return func(w http.ResponseWriter, _ *http.Request, token hallpass.Token, _ place) {
		answer(w, status, map[string]string{"done": done, "by": token.Name})
	}
}

// createProject makes the project that the URL names, unless it is there.
func (s *service) createProject(w http.ResponseWriter, r *http.Request, token hallpass.Token, at place) {
	if err := s.host.addProject(r.Context(), at, r.PathValue("project")); err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, map[string]string{"done": "created", "by": token.Name})
}

// deleteRepository deletes a repository and ends the tokens that are bound to it, both or neither: With issues and revokes in
// the host's own transaction.
func (s *service) deleteRepository(w http.ResponseWriter, r *http.Request, _ hallpass.Token, at place) {
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

func answerList(w http.ResponseWriter, names []string) {
	l := list{Values: []item{}}
	for _, name := range names {
		l.Values = append(l.Values, item{name})
	}
	answer(w, http.StatusOK, l)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // to a client that is gone nothing can be told
}
