package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// What the demo has: a workspace on the premium plan with two projects, and another customer, on the free plan, who likes the same names.
var demoRepositories = []struct{ workspace, plan, project, repository, description string }{
	{"acme", "premium", "CORE", "api", "The public API"},
	{"acme", "premium", "CORE", "worker", "What runs at night"},
	{"acme", "premium", "WEB", "site", "The web site"},
	{"globex", "free", "CORE", "api", "Another API of the same name"},
}

// fill fills the data folder and prints how to use it. It may be done again: what is there stays, and the login and tokens are made anew.
func fill(ctx context.Context, h *host.Host, url string, out io.Writer) error {
	for _, row := range demoRepositories {
		if err := addDemo(ctx, h, row.workspace, row.plan, row.project, row.repository, row.description); err != nil {
			return fmt.Errorf("the demo's repository %s/%s: %w", row.workspace, row.repository, err)
		}
	}
	password := rand.Text()
	admin, err := h.SetPassword(ctx, "admin", "Administrator", password)
	if err != nil {
		return err
	}
	for _, slug := range []string{"acme", "globex"} {
		w, err := h.Workspace(ctx, slug)
		if err == nil {
			err = h.Appoint(ctx, admin, w.Resource())
		}
		if err != nil {
			return err
		}
	}

	repository, err := h.Repository(ctx, "acme", "api")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "URL=%s\nCLONE_URL=%s/git/acme/api.git\nLOGIN=%s\nPASSWORD=%s\n", url, url, admin.Login, password)
	ctx = host.WithPerson(ctx, admin)
	for _, token := range []struct {
		line, name  string
		resource    hallpass.Resource
		permissions []hallpass.Permission
	}{
		{"REPOSITORY_TOKEN", "Demo: repository", repository.Resource().Identity(), []hallpass.Permission{hallpass.RepositoryWrite}},
		{"PROJECT_TOKEN", "Demo: project", hallpass.Project(repository.WorkspaceID, repository.ProjectID), []hallpass.Permission{hallpass.ProjectRead, hallpass.PullRequestWrite, hallpass.PipelineRead, hallpass.PipelineWrite}},
		{"WORKSPACE_TOKEN", "Demo: workspace", hallpass.Workspace(repository.WorkspaceID), []hallpass.Permission{hallpass.RepositoryAdmin, hallpass.RepositoryWrite, hallpass.ProjectRead, hallpass.ProjectAdmin, hallpass.AccountRead}},
	} {
		secret, err := issueDemo(ctx, h.Passes, hallpass.Grant{Name: token.name, CreatedBy: admin.ID, Resource: token.resource, Permissions: token.permissions})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s=%s\n", token.line, secret.Reveal())
	}
	return nil
}

// issueDemo issues a token, and ends those of this name that an earlier start made: their secrets are gone.
func issueDemo(ctx context.Context, passes *hallpass.Authority, g hallpass.Grant) (hallpass.Secret, error) {
	for token, err := range passes.List(ctx, g.Resource, hallpass.ListOptions{Only: true}) {
		if err == nil && token.Name == g.Name {
			err = passes.Revoke(ctx, g.Resource, token.ID)
		}
		if err != nil {
			return hallpass.Secret{}, err
		}
	}
	_, secret, err := passes.Issue(ctx, g)
	return secret, err
}

// addDemo adds a repository with two commits, and the workspace and project that it lies in, unless they are there.
func addDemo(ctx context.Context, h *host.Host, workspace, plan, project, repository, description string) error {
	w, err := h.Workspace(ctx, workspace)
	if errors.Is(err, hallpass.ErrNotFound) {
		w, err = h.AddWorkspace(ctx, workspace, workspace, plan)
	}
	if err != nil {
		return err
	}
	p, err := h.Project(ctx, workspace, project)
	if errors.Is(err, hallpass.ErrNotFound) {
		p, err = h.AddProject(ctx, w, project, project)
	}
	if err != nil {
		return err
	}
	if _, err := h.Repository(ctx, workspace, repository); !errors.Is(err, hallpass.ErrNotFound) {
		return err
	}
	r, err := h.AddRepository(ctx, p, repository, description)
	if err != nil {
		return err
	}
	for _, c := range []host.Commit{
		{Path: "README.md", Content: "# " + repository + "\n\n" + description + ".\n", Message: "Say what this is"},
		{Path: "src/main.txt", Content: "It works.\n", Message: "Make it work"},
	} {
		c.Branch, c.Author, c.Email = "main", "Forge", "forge@forge.invalid"
		if err := h.AddCommit(ctx, r, c); err != nil {
			return err
		}
	}
	return nil
}
