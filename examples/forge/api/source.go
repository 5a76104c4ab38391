package api

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// What git is asked to do. Names of branches and files come from requests: they begin with a letter or digit, so that none is an option,
// and hold nothing that git reads as more than a name.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$`)

const nameRule = "it is of letters, digits, '_' and '-', with single dots and slashes between"

// readSource sends a file of the main branch, or lists a folder.
func (a *api) readSource(w http.ResponseWriter, r *http.Request, in host.Repository) {
	file := r.PathValue("path")
	if file != "" && !names.MatchString(file) {
		a.fail(w, r, bearer.BadRequest("the path of a file: "+nameRule))
		return
	}
	object := "refs/heads/main:" + file
	kind, err := a.Git(r.Context(), in, "", "cat-file", "-t", object)
	if err != nil {
		a.fail(w, r, missing(err))
		return
	}
	if kind != "blob\n" {
		a.lines(w, r, in, "ls-tree", "--name-only", object)
		return
	}
	text, err := a.Git(r.Context(), in, "", "cat-file", "blob", object)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	// As bytes: no browser may take it for a page of this site.
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write([]byte(text))
}

// commitSource commits a file to a branch, in the name of the token.
func (a *api) commitSource(w http.ResponseWriter, r *http.Request, in host.Repository) {
	var body struct {
		Branch  string `json:"branch"`
		Path    string `json:"path"`
		Content string `json:"content"`
		Message string `json:"message"`
	}
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	if !names.MatchString(body.Branch) || !names.MatchString(body.Path) || body.Message == "" {
		a.fail(w, r, bearer.BadRequest(`a commit is such as {"branch": "main", "path": "docs/a.txt", "content": "...", "message": "..."}; of a branch and a path: `+nameRule))
		return
	}
	token, _ := hallpass.FromContext(r.Context())
	commit := host.Commit{Branch: body.Branch, Path: body.Path, Content: body.Content, Message: body.Message, Author: token.Name, Email: string(token.ID) + "@tokens.invalid"}
	if err := a.AddCommit(r.Context(), in, commit); err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, map[string]string{"branch": body.Branch, "path": body.Path})
}

func (a *api) listCommits(w http.ResponseWriter, r *http.Request, in host.Repository) {
	a.lines(w, r, in, "log", "--max-count=100", "--format=%H %s", "--branches")
}

func (a *api) listBranches(w http.ResponseWriter, r *http.Request, in host.Repository) {
	a.lines(w, r, in, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")
}

// createBranch makes a branch where another is.
func (a *api) createBranch(w http.ResponseWriter, r *http.Request, in host.Repository) {
	var body struct{ Name, From string }
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	if !names.MatchString(body.Name) || !names.MatchString(body.From) {
		a.fail(w, r, bearer.BadRequest(`a new branch is such as {"name": "fix", "from": "main"}; of both: `+nameRule))
		return
	}
	commit, err := a.Git(r.Context(), in, "", "rev-parse", "--verify", "refs/heads/"+body.From+"^{commit}")
	if err != nil {
		a.fail(w, r, missing(err))
		return
	}
	// The zeros say that there must be no such branch yet.
	if _, err := a.Git(r.Context(), in, "", "update-ref", "refs/heads/"+body.Name, strings.TrimSpace(commit), strings.Repeat("0", 40)); err != nil {
		a.fail(w, r, fmt.Errorf("%w: the branch cannot be made; is there one of that name?", hallpass.ErrConflict))
		return
	}
	answer(w, http.StatusCreated, map[string]string{"name": body.Name})
}

func (a *api) deleteBranch(w http.ResponseWriter, r *http.Request, in host.Repository) {
	branch := r.PathValue("branch")
	if !names.MatchString(branch) {
		a.fail(w, r, hallpass.ErrNotFound)
		return
	}
	if _, err := a.Git(r.Context(), in, "", "rev-parse", "--verify", "refs/heads/"+branch); err != nil {
		a.fail(w, r, missing(err))
		return
	}
	if _, err := a.Git(r.Context(), in, "", "update-ref", "-d", "refs/heads/"+branch); err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// lines answers with the lines that git prints.
func (a *api) lines(w http.ResponseWriter, r *http.Request, in host.Repository, args ...string) {
	out, err := a.Git(r.Context(), in, "", args...)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerList(w, strings.FieldsFunc(out, func(r rune) bool { return r == '\n' }), func(line string) string { return line })
}

// missing takes the refusal of git to find something for what it says.
func missing(err error) error {
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return errors.Join(hallpass.ErrNotFound, err)
	}
	return err
}
