package api

import (
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// The loaders take names out of a URL, and leave it to the host's tables what they mean.

func (a *api) workspace(r *http.Request) (host.Workspace, error) {
	return a.Workspace(r.Context(), r.PathValue("workspace"))
}

func (a *api) project(r *http.Request) (host.Project, error) {
	return a.Project(r.Context(), r.PathValue("workspace"), r.PathValue("project"))
}

func (a *api) repository(r *http.Request) (host.Repository, error) {
	return a.Repository(r.Context(), r.PathValue("workspace"), r.PathValue("repository"))
}

type projectBody struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// A newRepository is to be made in a project, which is the resource that the right is needed on.
type newRepository struct {
	host.Project
	description string
}

func (a *api) newRepository(r *http.Request) (newRepository, error) {
	var body struct {
		Project     projectBody `json:"project"`
		Description string      `json:"description"`
	}
	if err := decode(r, &body); err != nil {
		return newRepository{}, err
	}
	if body.Project.Key == "" {
		return newRepository{}, bearer.BadRequest(`the body names no project; it is such as {"project": {"key": "CORE"}, "description": ""}`)
	}
	project, err := a.Project(r.Context(), r.PathValue("workspace"), body.Project.Key)
	return newRepository{project, body.Description}, err
}

func (a *api) createRepository(w http.ResponseWriter, r *http.Request, n newRepository) {
	created, err := a.AddRepository(r.Context(), n.Project, r.PathValue("repository"), n.description)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, shown(created))
}

func (a *api) showRepository(w http.ResponseWriter, _ *http.Request, repository host.Repository) {
	answer(w, http.StatusOK, shown(repository))
}

// changeRepository may move a repository into another project, of which the token needs as much as of the repository. Its own project
// is what the tables say, and the body has no say in the decision on it, which came before.
func (a *api) changeRepository(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	var body struct {
		Project     *projectBody `json:"project"`
		Description *string      `json:"description"`
	}
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	into := host.Project{ID: repository.ProjectID, WorkspaceID: repository.WorkspaceID}
	if body.Project != nil {
		var err error
		if into, err = a.target(r, body.Project.Key); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	if body.Description != nil {
		repository.Description = *body.Description
	}
	if err := a.ChangeRepository(r.Context(), repository, into, repository.Description); err != nil {
		a.fail(w, r, err)
		return
	}
	repository.ProjectID = into.ID
	answer(w, http.StatusOK, shown(repository))
}

// target returns the project that a repository is to be moved to, if the token has the right there too. Whether there is such a project
// it learns only if it might use any of the workspace.
func (a *api) target(r *http.Request, key string) (host.Project, error) {
	project, err := a.Project(r.Context(), r.PathValue("workspace"), key)
	if err != nil {
		return project, a.gate.Hide(r.Context(), err, hallpass.RepositoryAdmin)
	}
	return project, a.gate.Check(r.Context(), project.Resource(), hallpass.RepositoryAdmin)
}

func (a *api) deleteRepository(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	if err := a.DeleteRepository(r.Context(), repository); err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// listRepositories shows what the token reaches of a workspace, and no more: the query is narrowed, not its result.
func (a *api) listRepositories(w http.ResponseWriter, r *http.Request, reach hallpass.Resource) {
	repositories, err := a.Repositories(r.Context(), r.PathValue("workspace"), reach)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerList(w, repositories, shown)
}

func (a *api) listProjects(w http.ResponseWriter, r *http.Request, reach hallpass.Resource) {
	projects, err := a.Projects(r.Context(), r.PathValue("workspace"), reach)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerList(w, projects, func(p host.Project) projectBody { return projectBody{p.Key, p.Name} })
}

// shown is what the API shows of a repository.
func shown(r host.Repository) any {
	return map[string]string{"slug": r.Slug, "uuid": r.ID, "description": r.Description, "project": r.ProjectID}
}
