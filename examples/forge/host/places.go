package host

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A Workspace is a customer.
type Workspace struct{ ID, Slug, Name, Plan string }

// A Project is a folder of repositories in a workspace.
type Project struct{ ID, WorkspaceID, Key, Name string }

// A Repository lies in a project, and may move to another one of its workspace.
type Repository struct{ ID, WorkspaceID, ProjectID, Slug, Description string }

// Premium reports whether the plan of w has project and workspace tokens.
func (w Workspace) Premium() bool { return w.Plan == "premium" }

// Resource returns w as hallpass knows it. That of the zero Workspace is the zero Resource, which no token reaches.
func (w Workspace) Resource() hallpass.Resource { return hallpass.Workspace(w.ID) }

// Resource returns p as hallpass knows it.
func (p Project) Resource() hallpass.Resource { return hallpass.Project(p.WorkspaceID, p.ID) }

// Resource returns r as hallpass knows it, lying in the project in which the database had it.
func (r Repository) Resource() hallpass.Resource {
	return hallpass.Repository(r.WorkspaceID, r.ID).In(r.ProjectID)
}

// Workspace returns the workspace with this slug. The error of the three finders is one of bearer.NotFound where there is no such
// thing, so that a gate can tell who may learn that.
func (h *Host) Workspace(ctx context.Context, slug string) (w Workspace, err error) {
	err = h.DB.QueryRowContext(ctx, `SELECT id, slug, name, plan FROM workspaces WHERE slug = ?`, slug).
		Scan(&w.ID, &w.Slug, &w.Name, &w.Plan)
	return w, notFound(err, hallpass.Resource{})
}

// Project returns the project with this key in a workspace.
func (h *Host) Project(ctx context.Context, workspace, key string) (p Project, err error) {
	w, err := h.Workspace(ctx, workspace)
	if err != nil {
		return Project{}, err
	}
	err = h.DB.QueryRowContext(ctx, `SELECT id, workspace, key, name FROM projects WHERE workspace = ? AND key = ?`, w.ID, key).
		Scan(&p.ID, &p.WorkspaceID, &p.Key, &p.Name)
	return p, notFound(err, w.Resource())
}

// Repository returns the repository with this slug in a workspace.
func (h *Host) Repository(ctx context.Context, workspace, slug string) (r Repository, err error) {
	w, err := h.Workspace(ctx, workspace)
	if err != nil {
		return Repository{}, err
	}
	err = h.DB.QueryRowContext(ctx, `SELECT id, workspace, project, slug, description FROM repositories WHERE workspace = ? AND slug = ?`, w.ID, slug).
		Scan(&r.ID, &r.WorkspaceID, &r.ProjectID, &r.Slug, &r.Description)
	return r, notFound(err, w.Resource())
}

// notFound says "no such row" as a gate understands it.
func notFound(err error, within hallpass.Resource) error {
	if errors.Is(err, sql.ErrNoRows) {
		return bearer.NotFound(within)
	}
	if err != nil {
		slog.Error("the database could not be asked", "error", err) // of which an answer shows nothing
	}
	return err
}

// Projects lists the projects of a workspace that lie within reach: what a token reaches, or all of the workspace for a person who may
// see it. An ID that reach does not have narrows nothing, save that of the workspace: the zero Resource has none, and finds none.
func (h *Host) Projects(ctx context.Context, workspace string, reach hallpass.Resource) ([]Project, error) {
	return list(ctx, h.DB, func(p *Project) []any { return []any{&p.ID, &p.WorkspaceID, &p.Key, &p.Name} },
		`SELECT p.id, p.workspace, p.key, p.name FROM projects p JOIN workspaces w ON w.id = p.workspace
		WHERE w.slug = ?1 AND w.id = ?2 AND (?3 = '' OR p.id = ?3) AND ?4 = '' ORDER BY p.key`,
		workspace, reach.Workspace(), reach.Project(), reach.Repository())
}

// Repositories lists the repositories of a workspace that lie within reach, as Projects does.
func (h *Host) Repositories(ctx context.Context, workspace string, reach hallpass.Resource) ([]Repository, error) {
	return list(ctx, h.DB, func(r *Repository) []any { return []any{&r.ID, &r.WorkspaceID, &r.ProjectID, &r.Slug, &r.Description} },
		`SELECT r.id, r.workspace, r.project, r.slug, r.description FROM repositories r JOIN workspaces w ON w.id = r.workspace
		WHERE w.slug = ?1 AND w.id = ?2 AND (?3 = '' OR r.project = ?3) AND (?4 = '' OR r.id = ?4) ORDER BY r.slug`,
		workspace, reach.Workspace(), reach.Project(), reach.Repository())
}

// list reads all rows of a query.
func list[T any](ctx context.Context, db *sql.DB, fields func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
