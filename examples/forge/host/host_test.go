package host_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A world is a forge with a workspace on the premium plan and its administrator.
type world struct {
	*host.Host
	workspace  host.Workspace
	project    host.Project
	repository host.Repository
	admin      host.Person
	asAdmin    context.Context
}

func open(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	h, err := host.Open(ctx, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	w := &world{Host: h}
	w.workspace, err = h.AddWorkspace(ctx, "acme", "Acme", "premium")
	require.NoError(t, err)
	w.project, err = h.AddProject(ctx, w.workspace, "CORE", "Core")
	require.NoError(t, err)
	w.repository, err = h.AddRepository(ctx, w.project, "api", "")
	require.NoError(t, err)
	w.admin, err = h.SetPassword(ctx, "admin", "Administrator", "correct horse battery staple")
	require.NoError(t, err)
	require.NoError(t, h.Appoint(ctx, w.admin, w.workspace.Resource()))
	w.asAdmin = host.WithPerson(ctx, w.admin)
	return w
}

func grant(r hallpass.Resource, permissions ...hallpass.Permission) hallpass.Grant {
	return hallpass.Grant{Name: "job", CreatedBy: "test", Resource: r.Identity(), Permissions: permissions}
}

func TestOnlyAnAdministratorMakesTokens(t *testing.T) {
	w := open(t)
	_, _, err := w.Passes.Issue(t.Context(), grant(w.repository.Resource(), hallpass.RepositoryRead))
	require.ErrorIs(t, err, host.ErrNotAdmin, "nobody is logged in")

	member, err := w.SetPassword(t.Context(), "member", "Member", "correct horse battery staple")
	require.NoError(t, err)
	require.NoError(t, w.Admit(t.Context(), member, w.workspace))
	asMember := host.WithPerson(t.Context(), member)
	_, _, err = w.Passes.Issue(asMember, grant(w.repository.Resource(), hallpass.RepositoryRead))
	require.ErrorIs(t, err, host.ErrNotAdmin)

	require.NoError(t, w.Appoint(t.Context(), member, w.repository.Resource()))
	_, _, err = w.Passes.Issue(asMember, grant(w.repository.Resource(), hallpass.RepositoryRead))
	require.NoError(t, err)
	_, _, err = w.Passes.Issue(asMember, grant(w.project.Resource(), hallpass.RepositoryRead))
	require.ErrorIs(t, err, host.ErrNotAdmin, "who manages a repository does not manage its project")
	_, _, err = w.Passes.Issue(w.asAdmin, grant(w.workspace.Resource(), hallpass.RepositoryRead))
	require.NoError(t, err)
}
