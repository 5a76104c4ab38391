package host

import (
	"context"

	"github.com/hallpass-go/hallpass"
)

// Appoint makes a person an administrator of r.
func (h *Host) Appoint(ctx context.Context, p Person, r hallpass.Resource) error {
	_, err := h.DB.ExecContext(ctx, `INSERT INTO roles (person, workspace, project, repository, role) VALUES (?, ?, ?, ?, 'admin')
		ON CONFLICT DO UPDATE SET role = 'admin'`, p.ID, r.Workspace(), projectOf(r), r.Repository())
	return err
}

// Admit makes a person a member of a workspace, who sees it and manages nothing.
func (h *Host) Admit(ctx context.Context, p Person, w Workspace) error {
	_, err := h.DB.ExecContext(ctx, `INSERT INTO roles (person, workspace, project, repository, role) VALUES (?, ?, '', '', 'member')
		ON CONFLICT DO NOTHING`, p.ID, w.ID)
	return err
}

// Manages reports whether a person is an administrator of r, or of what it lies in now.
func (h *Host) Manages(ctx context.Context, p Person, r hallpass.Resource) (bool, error) {
	return h.holds(ctx, `SELECT COUNT(*) FROM roles WHERE person = ?1 AND workspace = ?2 AND role = 'admin' AND (
		project = '' AND repository = '' OR
		project <> '' AND project = ?3 OR
		repository <> '' AND repository = ?4)`, p.ID, r.Workspace(), r.Project(), r.Repository())
}

// Sees reports whether a person has any role in a workspace.
func (h *Host) Sees(ctx context.Context, p Person, w Workspace) (bool, error) {
	return h.holds(ctx, `SELECT COUNT(*) FROM roles WHERE person = ? AND workspace = ?`, p.ID, w.ID)
}

// Workspaces lists the workspaces in which a person has a role.
func (h *Host) Workspaces(ctx context.Context, p Person) ([]Workspace, error) {
	return list(ctx, h.DB, func(w *Workspace) []any { return []any{&w.ID, &w.Slug, &w.Name, &w.Plan} },
		`SELECT id, slug, name, plan FROM workspaces WHERE id IN (SELECT workspace FROM roles WHERE person = ?) ORDER BY slug`, p.ID)
}

// Members lists the people who have a role in a workspace.
func (h *Host) Members(ctx context.Context, w Workspace) ([]Person, error) {
	return list(ctx, h.DB, func(p *Person) []any { return []any{&p.ID, &p.Login, &p.Name} },
		`SELECT id, login, name FROM people WHERE id IN (SELECT person FROM roles WHERE workspace = ?) ORDER BY login`, w.ID)
}

// Managed lists what a person is an administrator of in a workspace: each manages itself and what lies in it now.
func (h *Host) Managed(ctx context.Context, p Person, w Workspace) ([]hallpass.Resource, error) {
	type role struct{ project, repository string }
	roles, err := list(ctx, h.DB, func(r *role) []any { return []any{&r.project, &r.repository} },
		`SELECT project, repository FROM roles WHERE person = ? AND workspace = ? AND role = 'admin'`, p.ID, w.ID)
	managed := []hallpass.Resource{}
	for _, r := range roles {
		switch {
		case r.repository != "":
			managed = append(managed, hallpass.Repository(w.ID, r.repository))
		case r.project != "":
			managed = append(managed, hallpass.Project(w.ID, r.project))
		default:
			managed = append(managed, w.Resource())
		}
	}
	return managed, err
}

func (h *Host) holds(ctx context.Context, query string, args ...any) (bool, error) {
	var n int
	err := h.DB.QueryRowContext(ctx, query, args...).Scan(&n)
	return n > 0, err
}

// projectOf returns the project of a project. That of a repository is only where it lies now, and gives it no role.
func projectOf(r hallpass.Resource) string {
	if r.Kind() == hallpass.ProjectKind {
		return r.Project()
	}
	return ""
}
