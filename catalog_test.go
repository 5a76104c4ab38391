package hallpass_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

var everyKind = []hallpass.Kind{hallpass.WorkspaceKind, hallpass.ProjectKind, hallpass.RepositoryKind}

// The golden file is append-only: a line that changes gives tokens that are out a right, or takes one away.
func TestTheDefaultCatalogIsItsGoldenFile(t *testing.T) {
	golden, err := os.ReadFile("testdata/bitbucket.golden")
	require.NoError(t, err)
	assert.Equal(t, string(golden), hallpass.Bitbucket().String())
	assert.Same(t, hallpass.Bitbucket(), hallpass.Bitbucket())
}

func TestTheDefaultCatalogImpliesWhatTheOracleSays(t *testing.T) {
	c := hallpass.Bitbucket()
	var all []string
	for d := range c.Definitions() {
		all = append(all, string(d.Permission))
		assert.NotEmpty(t, d.Summary)
		s, err := c.Scope(d.Permission)
		require.NoError(t, err)
		for p := range c.Definitions() {
			want := slices.Contains(oracleImplies(string(d.Permission)), string(p.Permission))
			assert.Equal(t, want, s.Permits(p.Permission), "%s grants %s", d.Permission, p.Permission)
		}
	}
	assert.Equal(t, oraclePermissions(), all)
}

func TestNoTokenMayEverHoldWhatHasNoKind(t *testing.T) {
	for _, p := range []hallpass.Permission{hallpass.WorkspaceAdmin, hallpass.TokenAdmin} {
		d, ok := hallpass.Bitbucket().Definition(p)
		assert.True(t, ok)
		assert.Empty(t, d.Kinds)
		for other := range hallpass.Bitbucket().Definitions() {
			assert.NotContains(t, other.Implies, p)
		}
	}
}

func TestNewCatalogRefuses(t *testing.T) {
	def := func(p hallpass.Permission, implies ...hallpass.Permission) hallpass.Definition {
		return hallpass.Definition{Permission: p, Implies: implies, Kinds: everyKind}
	}
	many := make([]hallpass.Definition, 129)
	for i := range many {
		many[i] = def(hallpass.Permission(fmt.Sprintf("p%d", i)))
	}
	for why, defs := range map[string][]hallpass.Definition{
		"0 permissions":      {},
		"129 permissions":    many,
		"[a-z0-9:._-]":       {def("Write")},
		`permission ""`:      {def("")},
		"1 to 64":            {def(hallpass.Permission(strings.Repeat("x", 65)))},
		"has 1 to 64":        {def("a b")},
		"defined twice":      {def("a"), def("a")},
		"does not define":    {def("a", "b")},
		"another twice":      {def("a", "b", "b"), def("b")},
		`"a" implies itself`: {def("a", "a")},
		"implies itself":     {def("a", "b"), def("b", "c"), def("c", "b")},
		"kind 7":             {{Permission: "a", Kinds: []hallpass.Kind{7}}},
		"kind 0":             {{Permission: "a", Kinds: []hallpass.Kind{0}}},
		"a kind twice":       {{Permission: "a", Kinds: []hallpass.Kind{1, 1}}},
		"may not hold":       {def("a", "b"), {Permission: "b", Kinds: everyKind[:2]}},
		`implies "c", which`: {def("a", "b"), def("b", "c"), {Permission: "c"}},
	} {
		c, err := hallpass.NewCatalog(defs...)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
		assert.ErrorContains(t, err, why)
		assert.Nil(t, c, why)
	}
	c, err := hallpass.NewCatalog(many[:128]...)
	require.NoError(t, err)
	s, err := c.Scope("p127", "p63", "p64")
	require.NoError(t, err)
	assert.Equal(t, "p127 p63 p64", s.String())
	assert.True(t, s.Permits("p64"))
	assert.False(t, s.Permits("p0"))
}

func TestACatalogOfAHostsOwnFollowsImplicationsToTheirEnds(t *testing.T) {
	defs := []hallpass.Definition{
		{Permission: "d", Kinds: everyKind}, {Permission: "c", Implies: []hallpass.Permission{"d"}, Kinds: everyKind},
		{Permission: "b", Implies: []hallpass.Permission{"c", "d"}, Kinds: everyKind}, {Permission: "a", Implies: []hallpass.Permission{"b", "c"}, Kinds: everyKind, Retired: true},
		{Permission: "never"},
	}
	c, err := hallpass.NewCatalog(defs...)
	require.NoError(t, err)
	defs[0].Kinds[0] = 99 // the catalog has copies
	assert.Equal(t, strings.Join([]string{
		"a: workspace project repository (retired) grants a b c d",
		"b: workspace project repository grants b c d",
		"c: workspace project repository grants c d",
		"d: workspace project repository grants d",
		"never: never grants never", "",
	}, "\n"), c.String())
	everyKind[0] = hallpass.WorkspaceKind
	d, ok := c.Definition("c")
	assert.True(t, ok)
	d.Implies[0] = "a"
	again, _ := c.Definition("c")
	assert.Equal(t, hallpass.Permission("d"), again.Implies[0])
	_, ok = c.Definition("e")
	assert.False(t, ok)
	for range c.Definitions() {
		break
	}
}

func TestAScopeIsSortedAndReadBackStrictly(t *testing.T) {
	c := hallpass.Bitbucket()
	s, err := c.Scope(hallpass.RepositoryRead, hallpass.PipelineWrite)
	require.NoError(t, err)
	assert.Equal(t, "pipeline:write repository", s.String())
	assert.Equal(t, []hallpass.Permission{"pipeline:write", "repository"}, slices.Collect(s.Granted()))
	for range s.Granted() {
		break
	}
	other, err := c.Scope(hallpass.PipelineWrite, hallpass.RepositoryRead)
	require.NoError(t, err)
	assert.True(t, s == other)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	assert.Equal(t, `"pipeline:write repository"`, string(b))
	back, err := c.ParseScope(s.String())
	require.NoError(t, err)
	assert.True(t, s == back)

	for _, bad := range []string{"", " ", "repository ", " repository", "repository  webhook", "webhook repository", "repository repository", "Repository", "repository,webhook", "*", "repository:*", "all", "repository\n"} {
		s, err := c.ParseScope(bad)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, "%q", bad)
		assert.Zero(t, s)
	}
	_, err = c.Scope()
	assert.ErrorContains(t, err, "at least one")
	_, err = c.Scope("nonsense")
	assert.ErrorContains(t, err, `"nonsense" is not in the catalog`)
	_, err = c.Scope("webhook", "webhook")
	assert.ErrorContains(t, err, "twice")
}

func TestPermissionsAreComparedAsAWhole(t *testing.T) {
	s, err := hallpass.Bitbucket().Scope(hallpass.RepositoryRead, hallpass.PipelineWrite)
	require.NoError(t, err)
	for _, p := range []hallpass.Permission{"repo", "repository:", "repository:write", "repositoryx", "REPOSITORY", "pipeline", "*", "", "repository pipeline:write"} {
		assert.False(t, s.Permits(p), "%q", p)
	}
}

func FuzzParseScope(f *testing.F) {
	c := hallpass.Bitbucket()
	for _, s := range []string{"repository", "pipeline:write repository", "", " ", "webhook webhook"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		scope, err := c.ParseScope(s)
		if err == nil && scope.String() != s {
			t.Errorf("%q is read as %q", s, scope)
		}
		if err != nil && scope != (hallpass.Scope{}) {
			t.Errorf("%q: a scope with an error", s)
		}
	})
}

func TestWhatDefinitionsYieldsIsACopy(t *testing.T) {
	c, err := hallpass.NewCatalog(
		hallpass.Definition{Permission: "a", Implies: []hallpass.Permission{"b"}, Kinds: []hallpass.Kind{hallpass.WorkspaceKind}},
		hallpass.Definition{Permission: "b", Kinds: []hallpass.Kind{hallpass.WorkspaceKind}},
	)
	require.NoError(t, err)
	for d := range c.Definitions() {
		d.Kinds[0] = hallpass.RepositoryKind
		if len(d.Implies) > 0 {
			d.Implies[0] = "x"
		}
	}
	for d := range c.Definitions() {
		assert.Equal(t, []hallpass.Kind{hallpass.WorkspaceKind}, d.Kinds)
		assert.NotContains(t, d.Implies, hallpass.Permission("x"))
	}
	d, _ := c.Definition("a")
	d.Kinds[0] = hallpass.RepositoryKind
	again, _ := c.Definition("a")
	assert.Equal(t, []hallpass.Kind{hallpass.WorkspaceKind}, again.Kinds)
}
