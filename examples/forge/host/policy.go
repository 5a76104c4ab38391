package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallpass-go/hallpass"
)

var (
	// ErrPremium says that the plan of the workspace has no tokens of this kind.
	ErrPremium = errors.New("project and workspace access tokens are part of the premium plan")
	// ErrNotAdmin says that whoever asks does not manage the resource.
	ErrNotAdmin = errors.New("only an administrator of the resource may make tokens for it")
	// ErrGone says that the resource is not there, or not any more.
	ErrGone = errors.New("the resource does not exist")
)

type personKey struct{}

// WithPerson returns a context in which p acts. Only the pages put a person there, out of a session: nothing that a token can
// present does, so that no token can issue tokens, whatever route is forgotten.
func WithPerson(ctx context.Context, p Person) context.Context {
	return context.WithValue(ctx, personKey{}, p)
}

// PersonFrom returns the person who acts in ctx, and whether there is one.
func PersonFrom(ctx context.Context) (Person, bool) {
	p, ok := ctx.Value(personKey{}).(Person)
	return p, ok
}

// policy says whether a token may be issued or rotated. hallpass asks it each time: roles and plans change.
func (h *Host) policy(ctx context.Context, g hallpass.Grant) error {
	place, workspace, err := h.locate(ctx, g.Resource)
	if err != nil {
		return err
	}
	person, ok := PersonFrom(ctx)
	if !ok {
		return fmt.Errorf("%w: nobody is logged in", ErrNotAdmin)
	}
	switch manages, err := h.Manages(ctx, person, place); {
	case err != nil:
		return unavailable(err)
	case !manages:
		return ErrNotAdmin
	}
	if g.Resource.Kind() != hallpass.RepositoryKind && !workspace.Premium() {
		return ErrPremium
	}
	return nil
}

// locate returns r as it lies now, and its workspace. The project of a repository is what the database says.
func (h *Host) locate(ctx context.Context, r hallpass.Resource) (hallpass.Resource, Workspace, error) {
	workspaces, err := list(ctx, h.DB, func(w *Workspace) []any { return []any{&w.ID, &w.Slug, &w.Name, &w.Plan} },
		`SELECT id, slug, name, plan FROM workspaces WHERE id = ?`, r.Workspace())
	if err != nil {
		return r, Workspace{}, unavailable(err)
	}
	if len(workspaces) == 0 {
		return r, Workspace{}, ErrGone
	}
	w := workspaces[0]
	switch r.Kind() {
	case hallpass.ProjectKind:
		projects, err := h.Projects(ctx, w.Slug, r)
		if err != nil {
			return r, w, unavailable(err)
		}
		if len(projects) == 0 {
			return r, w, ErrGone
		}
	case hallpass.RepositoryKind:
		repositories, err := h.Repositories(ctx, w.Slug, r.Identity())
		if err != nil {
			return r, w, unavailable(err)
		}
		if len(repositories) == 0 {
			return r, w, ErrGone
		}
		r = repositories[0].Resource()
	}
	return r, w, nil
}

// unavailable says that the policy could not tell. That is no no.
func unavailable(err error) error { return fmt.Errorf("%w: %w", hallpass.ErrUnavailable, err) }
