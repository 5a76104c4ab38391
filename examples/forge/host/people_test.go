package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

func TestATokenWithSpaceAroundItLogsNobodyIn(t *testing.T) {
	w := open(t)
	_, secret, err := w.Passes.Issue(w.asAdmin, grant(w.repository.Resource(), hallpass.RepositoryRead))
	require.NoError(t, err)
	_, err = w.LogIn(t.Context(), "admin", " "+secret.Reveal()+"\r\n")
	require.ErrorIs(t, err, host.ErrToken)
	_, err = w.LogIn(t.Context(), secret.Reveal()+" ", "correct horse battery staple")
	require.ErrorIs(t, err, host.ErrToken)
}

func TestManagedListsWhatManagesAllows(t *testing.T) {
	w := open(t)
	lead, err := w.SetPassword(t.Context(), "lead", "Lead", "correct horse battery staple")
	require.NoError(t, err)
	for _, r := range []hallpass.Resource{w.repository.Resource(), w.project.Resource(), w.workspace.Resource()} {
		managed, err := w.Managed(t.Context(), lead, w.workspace)
		require.NoError(t, err)
		require.NotContains(t, managed, r.Identity())
		require.NoError(t, w.Appoint(t.Context(), lead, r))
		managed, err = w.Managed(t.Context(), lead, w.workspace)
		require.NoError(t, err)
		require.Contains(t, managed, r.Identity())
	}
	member, err := w.SetPassword(t.Context(), "member", "Member", "correct horse battery staple")
	require.NoError(t, err)
	require.NoError(t, w.Admit(t.Context(), member, w.workspace))
	managed, err := w.Managed(t.Context(), member, w.workspace)
	require.NoError(t, err)
	require.Empty(t, managed)
}
