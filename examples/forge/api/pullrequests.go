package api

import (
	"encoding/json"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A newPullRequest is to go to a repository, and comes from another, or from the same. It is loaded whole before anything is decided, so
// that what is decided on is what is stored.
type newPullRequest struct {
	host.Repository // that it goes to
	source          host.Repository
	body            json.RawMessage
}

// Source returns the repository that the changes come from.
func (n newPullRequest) Source() hallpass.Resource { return n.source.Resource() }

func (a *api) newPullRequest(r *http.Request) (newPullRequest, error) {
	var body struct {
		Title  string `json:"title"`
		Source struct {
			Repository string `json:"repository"` // a slug in the same workspace; "": the same repository
			Branch     string `json:"branch"`
		} `json:"source"`
		Destination struct {
			Branch string `json:"branch"`
		} `json:"destination"`
	}
	if err := decode(r, &body); err != nil {
		return newPullRequest{}, err
	}
	if body.Title == "" || body.Source.Branch == "" {
		return newPullRequest{}, bearer.BadRequest(`a pull request has a title and a source, such as {"title": "Fix", "source": {"branch": "fix"}}`)
	}
	destination, err := a.repository(r)
	if err != nil {
		return newPullRequest{}, err
	}
	source := destination
	if body.Source.Repository != "" {
		if source, err = a.Repository(r.Context(), r.PathValue("workspace"), body.Source.Repository); err != nil {
			return newPullRequest{}, err
		}
	}
	stored, err := json.Marshal(map[string]any{"title": body.Title, "source": body.Source, "destination": body.Destination, "state": pullRequests.state})
	return newPullRequest{destination, source, stored}, err
}

func (a *api) openPullRequest(w http.ResponseWriter, r *http.Request, n newPullRequest) {
	if err := a.add(w, r, n.Repository, pullRequests, n.body); err != nil {
		a.fail(w, r, err)
	}
}
