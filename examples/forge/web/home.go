package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// What a person sees of the forge. A path of settings is "" where they manage nothing.
type (
	homeWorkspace struct {
		host.Workspace
		Tokens, Audit string
		Projects      []homeProject
	}
	homeProject struct {
		host.Project
		Tokens       string
		Repositories []homeRepository
	}
	homeRepository struct {
		host.Repository
		Path, Tokens string
	}
)

func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	workspaces, err := s.host.Workspaces(r.Context(), who(r.Context()))
	if err != nil {
		return err
	}
	shown := make([]homeWorkspace, len(workspaces))
	for i, ws := range workspaces {
		if shown[i], err = s.homeOf(r, ws); err != nil {
			return err
		}
	}
	return s.render(w, r, http.StatusOK, "home.html", view{Title: "Your workspaces", Body: shown})
}

func (s *server) homeOf(r *http.Request, ws host.Workspace) (homeWorkspace, error) {
	managed, err := s.host.Managed(r.Context(), who(r.Context()), ws)
	if err != nil {
		return homeWorkspace{}, err
	}
	projects, err := s.host.Projects(r.Context(), ws.Slug, ws.Resource())
	if err != nil {
		return homeWorkspace{}, err
	}
	repositories, err := s.host.Repositories(r.Context(), ws.Slug, ws.Resource())
	if err != nil {
		return homeWorkspace{}, err
	}
	// settings returns path if the person manages this.
	settings := func(this hallpass.Resource, path string) string {
		if slices.ContainsFunc(managed, func(m hallpass.Resource) bool { return m.Contains(this) }) {
			return path
		}
		return ""
	}
	home := homeWorkspace{
		Workspace: ws,
		Tokens:    settings(ws.Resource(), workspacePath(ws)),
		Audit:     settings(ws.Resource(), auditPath(ws)),
	}
	for _, p := range projects {
		project := homeProject{Project: p, Tokens: settings(p.Resource(), projectPath(ws, p))}
		for _, one := range repositories {
			if one.ProjectID == p.ID {
				project.Repositories = append(project.Repositories,
					homeRepository{one, pathOf(ws, one), settings(one.Resource(), repositoryPath(ws, one))})
			}
		}
		home.Projects = append(home.Projects, project)
	}
	return home, nil
}

// repositoryPage shows how a script reaches a repository.
type repositoryPage struct {
	host.Repository
	Workspace             host.Workspace
	CloneURL, API, Tokens string
}

func (s *server) repository(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	ws, err := s.host.Workspace(ctx, r.PathValue("workspace"))
	if err != nil {
		return err
	}
	sees, err := s.host.Sees(ctx, who(ctx), ws)
	if err != nil {
		return err
	}
	if !sees {
		return errMissing
	}
	one, err := s.host.Repository(ctx, ws.Slug, r.PathValue("repository"))
	if err != nil {
		return err
	}
	manages, err := s.host.Manages(ctx, who(ctx), one.Resource())
	if err != nil {
		return err
	}
	page := repositoryPage{Repository: one, Workspace: ws, CloneURL: s.options.CloneURL(ws.Slug, one.Slug), API: s.apiURL(ws, one)}
	if manages {
		page.Tokens = repositoryPath(ws, one)
	}
	return s.render(w, r, http.StatusOK, "repository.html", view{
		Title:  one.Slug,
		Crumbs: []crumb{{"Home", "/"}, {ws.Name, "/#" + ws.Slug}, {one.Slug, ""}},
		Script: true,
		Body:   page,
	})
}

func pathOf(w host.Workspace, r host.Repository) string {
	return "/repositories/" + w.Slug + "/" + r.Slug
}

// apiURL returns where the API has a repository: on the server that git is on.
func (s *server) apiURL(w host.Workspace, r host.Repository) string {
	api := url.URL{Path: "/2.0/repositories/" + w.Slug + "/" + r.Slug}
	if u, err := url.Parse(s.options.CloneURL(w.Slug, r.Slug)); err == nil {
		api.Scheme, api.Host = u.Scheme, u.Host
	}
	return api.String()
}
