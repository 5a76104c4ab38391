package hallpass_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

var (
	goodIDs = []string{"a", "acme", "Repo", "repo", "{9449c75b-e0a2-4d0c-9e6e-6f5f5f5f5f5f}", "a:b", "...", "~!@#$%^&*()", strings.Repeat("x", 128)}
	badIDs  = []string{"", ".", "..", "a/b", "/", "a b", " a", "a ", "a\x00", "a\n", "\x7f", "é", "a\u200b", "\xff", "%2f/", strings.Repeat("x", 129), strings.Repeat("x", 10<<10)}
)

func TestABadPartMakesTheZeroResource(t *testing.T) {
	for _, id := range badIDs {
		for _, r := range []hallpass.Resource{
			hallpass.Workspace(id),
			hallpass.Project(id, "p"), hallpass.Project("w", id),
			hallpass.Repository(id, "r"), hallpass.Repository("w", id),
		} {
			assert.Zero(t, r, "%q", id)
		}
		if id != "" {
			assert.Zero(t, api.In(id), "%q", id)
		}
	}
	for _, id := range goodIDs {
		for _, r := range []hallpass.Resource{hallpass.Workspace(id), hallpass.Project(id, id), hallpass.Repository(id, id).In(id)} {
			assert.NotZero(t, r, "%q", id)
			assert.NoError(t, r.Validate())
		}
	}
	assert.Zero(t, acme.In("core"), "only a repository lies in a project")
	assert.Zero(t, core.In("core"))
	assert.Zero(t, acme.In(""))
	assert.Zero(t, hallpass.Resource{}.In("core"))
	err := hallpass.Resource{}.Validate()
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	assert.ErrorContains(t, err, `1 to 128 bytes of visible ASCII without "/"`)
}

func TestTheTextOfAResourceIsReadBack(t *testing.T) {
	for text, r := range map[string]hallpass.Resource{
		"workspace:acme": acme, "project:acme/core": core, "repository:acme/api": api, "repository:a:b/c:d": hallpass.Repository("a:b", "c:d"),
	} {
		assert.Equal(t, text, r.String())
		parsed, err := hallpass.ParseResource(text)
		require.NoError(t, err)
		assert.Equal(t, r, parsed)
	}
	assert.Equal(t, "repository:acme/api", api.In("core").String(), "In is not part of it")
	assert.Equal(t, "", hallpass.Resource{}.String())
}

func TestAnErrorOfParseResourceSaysWhichPartWasBad(t *testing.T) {
	for text, part := range map[string]string{
		"": "not a resource: it is", "acme": "it is", "team:acme": "it is", "workspace:acme/core": "it is", "project:acme": "it is", "repository:acme": "it is",
		"Workspace:acme": "it is", "workspace": "the workspace", "workspace:": "the workspace", "project:/core": "the workspace", "repository:a b/c": "the workspace",
		"project:acme/": "the project", "repository:acme/": "the repository", "repository:acme/a/b": "the repository", "repository:acme/..": "the repository",
		" workspace:acme": "it is", "workspace:acme ": "the workspace",
	} {
		r, err := hallpass.ParseResource(text)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, "%q", text)
		assert.ErrorContains(t, err, part, "%q", text)
		assert.Zero(t, r)
	}
}

func TestAResourceInJSONIsItsText(t *testing.T) {
	b, err := json.Marshal(map[string]hallpass.Resource{"r": api})
	require.NoError(t, err)
	assert.JSONEq(t, `{"r":"repository:acme/api"}`, string(b))
	var back map[string]hallpass.Resource
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, api, back["r"])

	r := api
	assert.ErrorIs(t, r.UnmarshalText([]byte("nonsense")), hallpass.ErrInvalid)
	assert.Equal(t, api, r, "an error leaves it as it was")
}

func TestThePartsOfAResource(t *testing.T) {
	in := api.In("core")
	assert.Equal(t, []string{"acme", "core", "api"}, []string{in.Workspace(), in.Project(), in.Repository()})
	assert.Equal(t, api, in.Identity())
	assert.Equal(t, api, in.In(""))
	assert.Equal(t, core, core.Identity())
	assert.Equal(t, []string{"acme", "core", ""}, []string{core.Workspace(), core.Project(), core.Repository()})
	for kind, r := range map[hallpass.Kind]hallpass.Resource{hallpass.WorkspaceKind: acme, hallpass.ProjectKind: core, hallpass.RepositoryKind: in, 0: {}} {
		assert.Equal(t, kind, r.Kind())
	}
	assert.Equal(t, "workspace project repository  ", hallpass.WorkspaceKind.String()+" "+hallpass.ProjectKind.String()+" "+hallpass.RepositoryKind.String()+" "+hallpass.Kind(0).String()+" "+hallpass.Kind(9).String())
}

func TestReachGoesDownNeverUpOrSideways(t *testing.T) {
	for _, row := range []struct {
		outer, inner hallpass.Resource
		contains     bool
	}{
		{acme, acme, true}, {acme, core, true}, {acme, api, true}, {acme, api.In("core"), true},
		{core, core, true}, {core, api.In("core"), true}, {core, api, false}, {core, api.In("web"), false}, {core, acme, false},
		{api, api, true}, {api, api.In("core"), true}, {api.In("core"), api.In("web"), true}, {api, core, false}, {api, acme, false},
		{acme, hallpass.Workspace("Acme"), false}, {acme, hallpass.Workspace("acme2"), false}, {acme, hallpass.Project("globex", "core"), false},
		{core, hallpass.Project("acme", "core2"), false}, {core, hallpass.Project("globex", "core"), false}, {core, hallpass.Repository("globex", "api").In("core"), false},
		{core, hallpass.Repository("acme", "core"), false}, {hallpass.Repository("acme", "core"), core, false}, {hallpass.Workspace("core"), core, false},
		{api, hallpass.Repository("acme", "api2"), false}, {api, hallpass.Repository("acme", "ap"), false}, {api, hallpass.Repository("globex", "api"), false},
		{hallpass.Resource{}, hallpass.Resource{}, false}, {acme, hallpass.Resource{}, false}, {hallpass.Resource{}, acme, false},
		{core, hallpass.Resource{}, false}, {api, hallpass.Resource{}, false},
	} {
		assert.Equal(t, row.contains, row.outer.Contains(row.inner), "%v ⊇ %v in %q", row.outer, row.inner, row.inner.Project())
	}
}

func FuzzParseResource(f *testing.F) {
	for _, s := range []string{"workspace:acme", "project:acme/core", "repository:acme/api", "repository:a:b/c", "", "workspace:", "project:a/b/c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := hallpass.ParseResource(s)
		if (err == nil) != (r.Kind() != 0) {
			t.Fatalf("%q: %v with %v", s, r, err)
		}
		if err == nil && r.String() != s {
			t.Errorf("%q is read as %q", s, r)
		}
		if r != r.Identity() {
			t.Errorf("%q is read with an In", s)
		}
	})
}
