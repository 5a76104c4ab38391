package host

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/hallpass-go/hallpass"
)

// A Person logs in with a password, and manages tokens. A token is no person.
type Person struct{ ID, Login, Name string }

var (
	// ErrWrongPassword says that there is no such person, or that the password is not theirs.
	ErrWrongPassword = errors.New("wrong login or password")
	// ErrToken says that an access token was typed where a password belongs.
	ErrToken = errors.New("an access token is no password")
)

// passwordCost is what OWASP recommends for argon2id.
var passwordCost = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// SetPassword gives the person with this login another password, or adds them.
func (h *Host) SetPassword(ctx context.Context, login, name, password string) (Person, error) {
	digest, err := argon2id.CreateHash(password, &passwordCost)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = h.DB.QueryRowContext(ctx, `INSERT INTO people (id, login, name, password) VALUES (?, ?, ?, ?)
		ON CONFLICT (login) DO UPDATE SET password = excluded.password RETURNING id, login, name`, newID(), login, name, digest).
		Scan(&p.ID, &p.Login, &p.Name)
	return p, err
}

// LogIn returns the person with this login and password. A token in either field is ErrToken: who tries one may learn that it was
// recognized, not whether it is live. Nothing is looked up for it.
func (h *Host) LogIn(ctx context.Context, login, password string) (Person, error) {
	// A line that is pasted has space around it.
	if h.Passes.Recognizes(strings.TrimSpace(password)) || h.Passes.Recognizes(strings.TrimSpace(login)) {
		return Person{}, ErrToken
	}
	// Each comparison takes memory: two at a time are as fast as any number on a small machine, and a flood costs no more.
	select {
	case h.logins <- struct{}{}:
		defer func() { <-h.logins }()
	case <-ctx.Done():
		return Person{}, ctx.Err()
	}
	p, digest := Person{}, h.nobody // an unknown login takes as long as a known one
	err := h.DB.QueryRowContext(ctx, `SELECT id, login, name, password FROM people WHERE login = ?`, login).Scan(&p.ID, &p.Login, &p.Name, &digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Person{}, err
	}
	same, mismatch := argon2id.ComparePasswordAndHash(password, digest)
	if err != nil || mismatch != nil || !same {
		return Person{}, errors.Join(ErrWrongPassword, mismatch)
	}
	return p, nil
}

// Person returns the person with this ID, or hallpass.ErrNotFound.
func (h *Host) Person(ctx context.Context, id string) (p Person, err error) {
	err = h.DB.QueryRowContext(ctx, `SELECT id, login, name FROM people WHERE id = ?`, id).Scan(&p.ID, &p.Login, &p.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return p, hallpass.ErrNotFound
	}
	return p, err
}

// Appoint makes a person an administrator of r.
func (h *Host) Appoint(ctx context.Context, p Person, r hallpass.Resource) error {
	_, err := h.DB.ExecContext(ctx, `INSERT INTO roles (person, workspace, project, repository, role) VALUES (?, ?, ?, ?, 'admin')
		ON CONFLICT DO UPDATE SET role = 'admin'`, p.ID, r.Workspace(), projectOf(r), r.Repository())
	return err
}

// Admits makes a person a member of a workspace, who sees it and manages nothing.
func (h *Host) Admits(ctx context.Context, p Person, w Workspace) error {
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
