package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A host is the forge's own part of the database, of which hallpass knows nothing. It is the one to say which repository a
// name means, and in which project that lies.
//
// Names may change and be given to something else. IDs never are, so tokens are bound to IDs: a repository that gets
// the name of a deleted one does not get its tokens.
type host struct{ db *sql.DB }

const tables = `
CREATE TABLE IF NOT EXISTS workspaces (
	id   TEXT NOT NULL PRIMARY KEY, -- a UUID
	slug TEXT NOT NULL UNIQUE       -- its name in URLs
);
CREATE TABLE IF NOT EXISTS projects (
	id        TEXT NOT NULL PRIMARY KEY,
	workspace TEXT NOT NULL REFERENCES workspaces (id),
	slug      TEXT NOT NULL,
	UNIQUE (workspace, slug)
);
CREATE TABLE IF NOT EXISTS repositories (
	id        TEXT NOT NULL PRIMARY KEY,
	workspace TEXT NOT NULL REFERENCES workspaces (id),
	project   TEXT NOT NULL REFERENCES projects (id), -- where it lies now
	slug      TEXT NOT NULL,
	UNIQUE (workspace, slug)
);`

// setUp makes the tables and what is in them, as far as it is not there.
func (h *host) setUp(ctx context.Context) error {
	if _, err := h.db.ExecContext(ctx, tables); err != nil {
		return err
	}
	for _, row := range []struct{ workspace, project, repository string }{
		{"acme", "CORE", "api"},
		{"acme", "CORE", "worker"},
		{"acme", "SITE", "docs"},
		{"acme", "SITE", "prototype"},
		{"globex", "CORE", "api"}, // another customer, who likes the same names
	} {
		_, err := h.db.ExecContext(ctx, `INSERT INTO workspaces (id, slug) VALUES (?, ?) ON CONFLICT DO NOTHING`, uuid.NewString(), row.workspace)
		if err != nil {
			return err
		}
		at, err := h.workspace(ctx, row.workspace)
		if err != nil {
			return err
		}
		if err := h.addProject(ctx, at, row.project); err != nil {
			return err
		}
		if at, err = h.project(ctx, row.workspace, row.project); err != nil {
			return err
		}
		_, err = h.db.ExecContext(ctx, `INSERT INTO repositories (id, workspace, project, slug) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			uuid.NewString(), at.workspace, at.project, row.repository)
		if err != nil {
			return err
		}
	}
	return nil
}

// A place is what a URL names, by IDs: a workspace, a project of it, or a repository and the project in which it lies now.
type place struct{ workspace, project, repository string }

// resource returns at as hallpass knows it. The zero place, that of an unknown workspace, is the zero Resource, which no
// token reaches.
func (at place) resource() hallpass.Resource {
	switch {
	case at.repository != "":
		return hallpass.Repository(at.workspace, at.repository).In(at.project)
	case at.project != "":
		return hallpass.Project(at.workspace, at.project)
	}
	return hallpass.Workspace(at.workspace)
}

func (h *host) workspace(ctx context.Context, workspace string) (at place, err error) {
	err = h.db.QueryRowContext(ctx, `SELECT id FROM workspaces WHERE slug = ?`, workspace).Scan(&at.workspace)
	return at, notFound(err, at)
}

func (h *host) project(ctx context.Context, workspace, project string) (place, error) {
	at, err := h.workspace(ctx, workspace)
	if err != nil {
		return at, err
	}
	err = h.db.QueryRowContext(ctx, `SELECT id FROM projects WHERE workspace = ? AND slug = ?`, at.workspace, project).Scan(&at.project)
	return at, notFound(err, at)
}

func (h *host) repository(ctx context.Context, workspace, repository string) (place, error) {
	at, err := h.workspace(ctx, workspace)
	if err != nil {
		return at, err
	}
	err = h.db.QueryRowContext(ctx, `SELECT project, id FROM repositories WHERE workspace = ? AND slug = ?`, at.workspace, repository).
		Scan(&at.project, &at.repository)
	return at, notFound(err, at)
}

// notFound says "no such row" as a gate understands it: nothing was found within what was found on the way to it.
func notFound(err error, within place) error {
	if errors.Is(err, sql.ErrNoRows) {
		return bearer.NotFound(within.resource())
	}
	if err != nil {
		slog.Error("the database could not be asked", "error", err) // of which an answer shows nothing
	}
	return err
}

// repositories is a lister. An ID that reach does not have is "" and narrows nothing, save that of the workspace: the
// zero Resource has none, and finds none.
func (h *host) repositories(r *http.Request, workspace string, reach hallpass.Resource) ([]string, error) {
	return h.names(r.Context(), `SELECT r.slug FROM repositories r JOIN workspaces w ON w.id = r.workspace
		WHERE w.slug = ?1 AND w.id = ?2 AND (?3 = '' OR r.project = ?3) AND (?4 = '' OR r.id = ?4) ORDER BY r.slug`,
		workspace, reach.Workspace(), reach.Project(), reach.Repository())
}

// projects is a lister. A token that is bound to a repository reaches no project, and cannot hold hallpass.ProjectRead either.
func (h *host) projects(r *http.Request, workspace string, reach hallpass.Resource) ([]string, error) {
	return h.names(r.Context(), `SELECT p.slug FROM projects p JOIN workspaces w ON w.id = p.workspace
		WHERE w.slug = ?1 AND w.id = ?2 AND (?3 = '' OR p.id = ?3) AND ?4 = '' ORDER BY p.slug`,
		workspace, reach.Workspace(), reach.Project(), reach.Repository())
}

func (h *host) names(ctx context.Context, query string, args ...any) (names []string, err error) {
	rows, err := h.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// addProject makes a project in the workspace, unless one has that name.
func (h *host) addProject(ctx context.Context, at place, project string) error {
	_, err := h.db.ExecContext(ctx, `INSERT INTO projects (id, workspace, slug) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		uuid.NewString(), at.workspace, project)
	return err
}

// moveRepository puts a repository into another project. Nothing is told to hallpass, and nothing need be.
func (h *host) moveRepository(ctx context.Context, repository, project place) error {
	_, err := h.db.ExecContext(ctx, `UPDATE repositories SET project = ? WHERE id = ?`, project.project, repository.repository)
	return err
}

func (h *host) removeRepository(ctx context.Context, tx *sql.Tx, at place) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM repositories WHERE id = ?`, at.repository)
	return err
}

// policy refuses tokens for what is not there, or not there any more. It is also the place to ask whether this person may
// issue tokens there, and whether the customer's plan covers it.
func (h *host) policy(ctx context.Context, g hallpass.Grant) error {
	query, id := `SELECT COUNT(*) FROM workspaces WHERE id = ?1 AND id = ?2`, g.Resource.Workspace()
	switch g.Resource.Kind() {
	case hallpass.ProjectKind:
		query, id = `SELECT COUNT(*) FROM projects WHERE workspace = ?1 AND id = ?2`, g.Resource.Project()
	case hallpass.RepositoryKind:
		query, id = `SELECT COUNT(*) FROM repositories WHERE workspace = ?1 AND id = ?2`, g.Resource.Repository()
	}
	var n int
	if err := h.db.QueryRowContext(ctx, query, g.Resource.Workspace(), id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("there is no %v", g.Resource)
	}
	return nil
}
