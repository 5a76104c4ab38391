package web

import (
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A place is a workspace, a project or a repository whose tokens somebody manages.
type place struct {
	Workspace host.Workspace
	Name      string            // of the workspace or project, or the slug of the repository
	Kind      string            // "workspace", "project" or "repository"
	Path      string            // of its list of tokens
	resource  hallpass.Resource // with In
}

// place returns what the path of r names, if the person of r manages it. That it does not exist and that it is not theirs is one error.
func (s *server) place(r *http.Request) (place, error) {
	ctx, slug := r.Context(), r.PathValue("workspace")
	w, err := s.host.Workspace(ctx, slug)
	if err != nil {
		return place{}, err
	}
	p := place{Workspace: w, Name: w.Name, Path: workspacePath(w), resource: w.Resource()}
	if key := r.PathValue("project"); key != "" {
		project, err := s.host.Project(ctx, slug, key)
		if err != nil {
			return place{}, err
		}
		p.Name, p.Path, p.resource = project.Name, projectPath(w, project), project.Resource()
	}
	if slug := r.PathValue("repository"); slug != "" {
		repository, err := s.host.Repository(ctx, w.Slug, slug)
		if err != nil {
			return place{}, err
		}
		p.Name, p.Path, p.resource = repository.Slug, repositoryPath(w, repository), repository.Resource()
	}
	p.Kind = p.resource.Kind().String()
	manages, err := s.host.Manages(ctx, who(ctx), p.resource)
	if err != nil {
		return place{}, err
	}
	if !manages {
		return place{}, errMissing
	}
	return p, nil
}

func workspacePath(w host.Workspace) string { return "/settings/" + w.Slug + "/tokens" }

func projectPath(w host.Workspace, p host.Project) string {
	return "/settings/" + w.Slug + "/projects/" + p.Key + "/tokens"
}

func repositoryPath(w host.Workspace, r host.Repository) string {
	return "/settings/" + w.Slug + "/repositories/" + r.Slug + "/tokens"
}

// NeedsPremium reports whether the plan of the workspace has no tokens of this kind. The policy decides it again for each token.
func (p place) NeedsPremium() bool {
	return p.resource.Kind() != hallpass.RepositoryKind && !p.Workspace.Premium()
}

// crumbs returns the way to a page of p; last is the page itself, "" for the list.
func (p place) crumbs(last string) []crumb {
	way := []crumb{{"Home", "/"}, {p.Workspace.Name, "/#" + p.Workspace.Slug}}
	if p.resource.Kind() != hallpass.WorkspaceKind {
		way = append(way, crumb{p.Name, ""})
	}
	if last == "" {
		return append(way, crumb{"Access tokens", ""})
	}
	return append(way, crumb{"Access tokens", p.Path}, crumb{last, ""})
}
