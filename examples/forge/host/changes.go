package host

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// ErrBadName says that a name may not be used, or is taken.
var ErrBadName = errors.New("a bad name")

var (
	slugs = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,61}$`)
	keys  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,61}$`)
)

// AddWorkspace adds a workspace on a plan, "free" or "premium".
func (h *Host) AddWorkspace(ctx context.Context, slug, name, plan string) (Workspace, error) {
	if err := checkSlug(slug); err != nil {
		return Workspace{}, err
	}
	w := Workspace{newID(), slug, name, plan}
	_, err := h.DB.ExecContext(ctx, `INSERT INTO workspaces (id, slug, name, plan) VALUES (?, ?, ?, ?)`, w.ID, w.Slug, w.Name, w.Plan)
	return w, taken(err, slug)
}

// SetPlan puts a workspace on another plan. Tokens that the new one does not have go on working, and can be revoked; none is made or rotated.
func (h *Host) SetPlan(ctx context.Context, w Workspace, plan string) error {
	_, err := h.DB.ExecContext(ctx, `UPDATE workspaces SET plan = ? WHERE id = ?`, plan, w.ID)
	return err
}

// AddProject adds a project. Its key is of upper case letters, digits and "_".
func (h *Host) AddProject(ctx context.Context, w Workspace, key, name string) (Project, error) {
	if !keys.MatchString(key) {
		return Project{}, fmt.Errorf("%w: the key of a project is an upper case letter, then up to 61 of A to Z, 0 to 9 and _", ErrBadName)
	}
	p := Project{newID(), w.ID, key, name}
	_, err := h.DB.ExecContext(ctx, `INSERT INTO projects (id, workspace, key, name) VALUES (?, ?, ?, ?)`, p.ID, p.WorkspaceID, p.Key, p.Name)
	return p, taken(err, key)
}

// RenameProject gives a project another name. Its tokens know it by its identity.
func (h *Host) RenameProject(ctx context.Context, p Project, name string) error {
	_, err := h.DB.ExecContext(ctx, `UPDATE projects SET name = ? WHERE id = ?`, name, p.ID)
	return err
}

// DeleteProject deletes a project in which no repository lies, and ends its tokens, both or neither.
func (h *Host) DeleteProject(ctx context.Context, p Project) error {
	return h.inTx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM repositories WHERE project = ?`, p.ID).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: %d repositories lie in the project", hallpass.ErrConflict, n)
		}
		return h.end(ctx, tx, p.Resource(), `DELETE FROM projects WHERE id = ?`, p.ID)
	})
}

// AddRepository adds a repository in a project, with an empty bare repository of git.
func (h *Host) AddRepository(ctx context.Context, p Project, slug, description string) (Repository, error) {
	if err := checkSlug(slug); err != nil {
		return Repository{}, err
	}
	r := Repository{newID(), p.WorkspaceID, p.ID, slug, description}
	// The folder comes first: one that no row names is only rubbish.
	if out, err := exec.CommandContext(ctx, "git", "init", "--quiet", "--bare", "--initial-branch=main", h.GitDir(r)).CombinedOutput(); err != nil {
		return Repository{}, fmt.Errorf("git init: %w: %s", err, out)
	}
	_, err := h.DB.ExecContext(ctx, `INSERT INTO repositories (id, workspace, project, slug, description) VALUES (?, ?, ?, ?, ?)`,
		r.ID, r.WorkspaceID, r.ProjectID, r.Slug, r.Description)
	if err != nil {
		return Repository{}, errors.Join(taken(err, slug), os.RemoveAll(h.GitDir(r)))
	}
	return r, nil
}

// ChangeRepository moves a repository into a project of its workspace and changes its description. Nothing is told to hallpass, and
// nothing need be: project tokens reach what lies in their project now.
func (h *Host) ChangeRepository(ctx context.Context, r Repository, into Project, description string) error {
	if into.WorkspaceID != r.WorkspaceID {
		return fmt.Errorf("%w: a repository moves within its workspace", hallpass.ErrConflict)
	}
	_, err := h.DB.ExecContext(ctx, `UPDATE repositories SET project = ?, description = ? WHERE id = ?`, into.ID, description, r.ID)
	return err
}

// DeleteRepository deletes a repository and ends the tokens that are bound to it, both or neither.
func (h *Host) DeleteRepository(ctx context.Context, r Repository) error {
	err := h.inTx(ctx, func(tx *sql.Tx) error {
		return h.end(ctx, tx, r.Resource(), `DELETE FROM repositories WHERE id = ?`, r.ID)
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(h.GitDir(r))
}

// end deletes a row and what hangs on it, and revokes its tokens in the same transaction. The row goes first, so that the policy
// refuses any token that somebody is about to make.
func (h *Host) end(ctx context.Context, tx *sql.Tx, r hallpass.Resource, query string, id string) error {
	if _, err := tx.ExecContext(ctx, query, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM items WHERE place = ?`, r.String()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM roles WHERE project = ?1 OR repository = ?1`, id); err != nil {
		return err
	}
	_, err := h.Passes.With(h.Store.WithTx(tx)).RevokeAll(ctx, r)
	return err
}

func (h *Host) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := h.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // which does nothing after the commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func checkSlug(slug string) error {
	if !slugs.MatchString(slug) || strings.HasSuffix(slug, ".git") || strings.HasSuffix(slug, ".lock") || strings.Contains(slug, "..") {
		return fmt.Errorf("%w: a slug is of a to z, 0 to 9, '.', '_' and '-', begins with a letter or digit, has at most 62 characters, no .git at its end and no two dots in a row", ErrBadName)
	}
	return nil
}

// taken says that a name is taken, in words.
func taken(err error, name string) error {
	if err != nil && strings.Contains(err.Error(), "UNIQUE constraint failed") {
		return fmt.Errorf("%w: %s is taken", ErrBadName, name)
	}
	return err
}
