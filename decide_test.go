package hallpass_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// world is every resource of three workspaces whose projects and repositories share their IDs with one another and with a
// workspace.
func world() (bound, targets []oracleResource) {
	for _, w := range []string{"acme", "globex", "core"} {
		bound = append(bound, oracleResource{kind: "workspace", workspace: w})
		for _, id := range []string{"core", "api"} {
			bound = append(bound,
				oracleResource{kind: "project", workspace: w, project: id},
				oracleResource{kind: "repository", workspace: w, repository: id})
			for _, in := range []string{"core", "api"} {
				targets = append(targets, oracleResource{kind: "repository", workspace: w, repository: id, in: in})
			}
		}
	}
	return bound, append(append(targets, bound...), oracleResource{})
}

func resourceOf(r oracleResource) hallpass.Resource {
	switch r.kind {
	case "workspace":
		return hallpass.Workspace(r.workspace)
	case "project":
		return hallpass.Project(r.workspace, r.project)
	case "repository":
		return hallpass.Repository(r.workspace, r.repository).In(r.in)
	}
	return hallpass.Resource{}
}

// permissionSets is every permission and every pair that a kind of token may hold.
func permissionSets(kind string) (sets [][]string) {
	all := oraclePermissions()
	for i, p := range all {
		if !oracleMayHold(kind, p) {
			continue
		}
		sets = append(sets, []string{p})
		for _, q := range all[i+1:] {
			if oracleMayHold(kind, q) {
				sets = append(sets, []string{p, q})
			}
		}
	}
	return sets
}

func permissionsOf(texts []string) (permissions []hallpass.Permission) {
	for _, s := range texts {
		permissions = append(permissions, hallpass.Permission(s))
	}
	return permissions
}

// check compares one answer with the oracle's, in every field.
func check(t *testing.T, token hallpass.Token, ot oracleToken, target oracleResource, asked []string, err error) bool {
	want, r := oracleDecide(ot, target, asked...), resourceOf(target)
	got := oracleAnswer{}
	var denied *hallpass.DeniedError
	switch {
	case err == nil:
		got.outcome = "allow"
	case errors.Is(err, hallpass.ErrUnauthenticated):
		got.outcome = "unauthenticated"
	case errors.As(err, &denied):
		got.outcome, got.outOfReach = "denied", denied.OutOfReach
		for _, p := range denied.Missing {
			got.missing = append(got.missing, string(p))
		}
		if denied.Token != token || denied.Resource != r || !errors.Is(err, hallpass.ErrDenied) {
			t.Errorf("the DeniedError is of %v and %v, not of %v and %v", denied.Token, denied.Resource, token, r)
			return false
		}
	case errors.Is(err, hallpass.ErrInvalid):
		got.outcome = "invalid"
	}
	if got.outcome != want.outcome || got.outOfReach != want.outOfReach || !assert.ObjectsAreEqual(got.missing, want.missing) {
		t.Errorf("token %+v asks %q of %+v: got %+v (%v), want %+v", ot, asked, target, got, err, want)
		return false
	}
	return true
}

// Every token of a small world asks for everything in it, and gets the answer of an oracle that shares no code with hallpass.
func TestDecisionsAreThoseOfTheOracle(t *testing.T) {
	a := hallpasstest.New(t)
	bound, targets := world()
	asked := [][]string{{"repository:unknown"}, {""}, {"repository", "repository:unknown"}}
	for _, p := range oraclePermissions() {
		asked = append(asked, []string{p}, []string{p, "repository"}, []string{"webhook", p, "pipeline:variable"})
	}
	decisions := 0
	for _, b := range bound {
		for _, set := range permissionSets(b.kind) {
			token, secret := issue(t, a, resourceOf(b), permissionsOf(set)...)
			ot := oracleToken{bound: b, granted: set}
			for _, target := range targets {
				r := resourceOf(target)
				for _, ask := range asked {
					if len(set) == 2 && len(ask) > 1 {
						continue // every pair asks for every single one, every single one for every set
					}
					p := permissionsOf(ask)
					_, err := a.Authorize(t.Context(), secret, r, p[0], p[1:]...)
					if !check(t, token, ot, target, ask, err) {
						return
					}
					if may := token.May(r, p[0], p[1:]...); may != (err == nil) {
						t.Fatalf("May says %v where Authorize says %v", may, err)
					}
					decisions++
				}
			}
		}
	}
	t.Logf("%d decisions, 0 differences", decisions)
	require.Greater(t, decisions, 900_000)
}

// Whatever a token asks for, it is unauthenticated once it was revoked or its record was edited.
func TestDeadTokensAreThoseOfTheOracle(t *testing.T) {
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	bound, targets := world()
	for _, b := range bound {
		for i, end := range []func(id hallpass.ID){
			func(id hallpass.ID) { require.NoError(t, a.Revoke(t.Context(), resourceOf(b), id)) },
			func(id hallpass.ID) { edit(t, store, id, func(r *hallpass.Record) { r.ScopeText = "webhook" }) },
		} {
			token, secret := issue(t, a, resourceOf(b), hallpass.RepositoryRead)
			end(token.ID)
			ot := oracleToken{bound: b, granted: []string{"repository"}, revoked: i == 0, tampered: i == 1}
			for _, target := range targets {
				for _, p := range append(oraclePermissions(), "unknown") {
					_, err := a.Authorize(t.Context(), secret, resourceOf(target), hallpass.Permission(p))
					check(t, token, ot, target, []string{p}, err)
				}
			}
		}
	}
}

func TestKindsMayHoldWhatTheOracleSays(t *testing.T) {
	a := hallpasstest.New(t)
	held := map[string]int{}
	for _, b := range []oracleResource{
		{kind: "workspace", workspace: "acme"},
		{kind: "project", workspace: "acme", project: "core"},
		{kind: "repository", workspace: "acme", repository: "api"},
	} {
		for _, p := range oraclePermissions() {
			_, _, err := a.Issue(t.Context(), grant(resourceOf(b), hallpass.Permission(p)))
			assert.Equal(t, oracleMayHold(b.kind, p), err == nil, "%s %s: %v", b.kind, p, err)
			if err != nil {
				assert.ErrorIs(t, err, hallpass.ErrInvalid)
			} else {
				held[b.kind]++
			}
		}
	}
	assert.Equal(t, map[string]int{"workspace": 15, "project": 13, "repository": 12}, held)
}

func TestTheZeroValueOfEverythingDenies(t *testing.T) {
	a := hallpasstest.New(t)
	token, secret := issue(t, a, acme, hallpass.RepositoryRead)

	assert.ErrorIs(t, hallpass.Authorize(hallpass.Token{}, api, hallpass.RepositoryRead), hallpass.ErrDenied)
	assert.ErrorIs(t, hallpass.Authorize(hallpass.Token{Resource: acme}, api, hallpass.RepositoryRead), hallpass.ErrDenied, "zero Scope")
	assert.ErrorIs(t, hallpass.Authorize(hallpass.Token{Scope: token.Scope}, api, hallpass.RepositoryRead), hallpass.ErrDenied, "zero Resource of a token")
	assert.ErrorIs(t, hallpass.Authorize(token, hallpass.Resource{}, hallpass.RepositoryRead), hallpass.ErrDenied, "zero Resource")
	assert.ErrorIs(t, hallpass.Authorize(token, hallpass.Resource{}, hallpass.RepositoryRead), hallpass.ErrInvalid, "and the host's mistake")
	assert.ErrorIs(t, hallpass.Authorize(hallpass.Token{}, hallpass.Resource{}, ""), hallpass.ErrDenied)
	assert.ErrorIs(t, hallpass.Authorize(token, api, ""), hallpass.ErrInvalid, "zero Permission")
	assert.False(t, hallpass.Token{}.May(hallpass.Resource{}, ""))
	assert.False(t, hallpass.Scope{}.Permits(""))
	for range (hallpass.Scope{}).Granted() {
		t.Error("the zero Scope grants something")
	}
	_, ok := hallpass.Token{}.Reach("")
	assert.False(t, ok)

	_, err := a.Authorize(t.Context(), "", api, hallpass.RepositoryRead)
	assert.ErrorIs(t, err, hallpass.ErrUnauthenticated)
	_, err = a.Authorize(t.Context(), secret, hallpass.Resource{}, hallpass.RepositoryRead)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	assert.ErrorIs(t, a.Recheck(t.Context(), hallpass.Token{}), hallpass.ErrUnauthenticated)
}

func TestAllMissingPermissionsAreReported(t *testing.T) {
	a := hallpasstest.New(t)
	token, _ := issue(t, a, api, hallpass.RepositoryWrite)
	asked := []hallpass.Permission{hallpass.PipelineRead, hallpass.RunnerRead, hallpass.RunnerWrite, hallpass.Webhook, hallpass.PullRequestRead, hallpass.RepositoryRead}
	err := hallpass.Authorize(token, hallpass.Repository("acme", "web"), hallpass.RepositoryAdmin, asked...)
	denied, ok := errors.AsType[*hallpass.DeniedError](err)
	require.True(t, ok)
	assert.Equal(t, append([]hallpass.Permission{hallpass.RepositoryAdmin}, asked[:5]...), denied.Missing)
	assert.True(t, denied.OutOfReach)
	assert.Equal(t, hallpass.ErrDenied, errors.Unwrap(err))
	assert.NotErrorIs(t, err, hallpass.ErrInvalid)
	for _, part := range []string{string(token.ID), "repository:acme/api", "repository:acme/web", "repository:admin", "runner:write"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestADenialThatIsNotOutOfReachSaysSo(t *testing.T) {
	token, _ := issue(t, hallpasstest.New(t), api, hallpass.RepositoryRead)
	err := hallpass.Authorize(token, api, hallpass.RepositoryWrite)
	assert.EqualError(t, err, `hallpass: denied: token "`+string(token.ID)+`" for "repository:acme/api" lacks repository:write`)
	err = hallpass.Authorize(token, hallpass.Repository("acme", "web"), hallpass.RepositoryRead)
	assert.EqualError(t, err, `hallpass: denied: token "`+string(token.ID)+`" for "repository:acme/api" does not reach "repository:acme/web"`)
	err = hallpass.Authorize(token, hallpass.Repository("acme", "a/b"), hallpass.RepositoryRead)
	assert.ErrorContains(t, err, "zero Resource")
}

func TestATokenWhoseRevocationHasComeIsUnauthenticatedInEveryDecision(t *testing.T) {
	scope, err := hallpass.Bitbucket().Scope(hallpass.RepositoryRead)
	require.NoError(t, err)
	token := hallpass.Token{Resource: api, Scope: scope, RevokedAt: time.Now().Add(-time.Second)}
	assert.Equal(t, hallpass.ErrUnauthenticated, hallpass.Authorize(token, api, hallpass.RepositoryRead))
	assert.False(t, token.May(api, hallpass.RepositoryRead))
	_, ok := token.Reach(hallpass.RepositoryRead)
	assert.False(t, ok)
	token.RevokedAt = time.Now().Add(time.Hour)
	assert.NoError(t, hallpass.Authorize(token, api, hallpass.RepositoryRead))
}

func TestReachIsTheResourceOrNothing(t *testing.T) {
	a := hallpasstest.New(t)
	token, _ := issue(t, a, core, hallpass.RepositoryRead, hallpass.PipelineRead)
	r, ok := token.Reach(hallpass.RepositoryRead, hallpass.PipelineRead)
	assert.True(t, ok)
	assert.Equal(t, core, r)
	r, ok = token.Reach(hallpass.RepositoryRead, hallpass.PipelineWrite)
	assert.False(t, ok)
	assert.Zero(t, r)
}

// The decision on the hot path costs no memory; a denial costs its DeniedError; what has no shape costs nothing.
func TestAllocations(t *testing.T) {
	a := hallpasstest.New(t)
	token, secret := issue(t, a, core, hallpass.RepositoryWrite)
	r := api.In("core")
	ctx, garbage := t.Context(), secret[:63]+"!"
	allocs := func(f func()) float64 { return testing.AllocsPerRun(100, f) }
	assert.Zero(t, allocs(func() { _, _ = a.Authorize(ctx, secret, r, hallpass.RepositoryWrite, hallpass.RepositoryRead) }), "allowed")
	assert.Zero(t, allocs(func() {
		_, _ = a.Authorize(ctx, secret, hallpass.Repository("acme", "api").In("core"), hallpass.RepositoryWrite)
	}), "with the resource made")
	assert.Zero(t, allocs(func() { _, _ = a.Authenticate(ctx, secret) }), "authenticated")
	assert.Zero(t, allocs(func() { _ = a.Decide(ctx, token, r, hallpass.RepositoryWrite) }), "decided")
	assert.Zero(t, allocs(func() { _ = hallpass.Authorize(token, r, hallpass.RepositoryWrite, hallpass.RepositoryRead) }), "the decision alone")
	assert.Zero(t, allocs(func() { _ = token.May(r, hallpass.RepositoryAdmin, hallpass.Webhook) }), "May, denied")
	assert.Zero(t, allocs(func() { _, _ = a.Authorize(ctx, garbage, r, hallpass.RepositoryWrite) }), "garbage")
	assert.Zero(t, allocs(func() { _, _ = a.Authorize(ctx, "", r, hallpass.RepositoryWrite) }), "nothing")
	assert.Equal(t, 1.0, allocs(func() { _ = hallpass.Authorize(token, r, hallpass.RepositoryAdmin) }), "denied")
	assert.Equal(t, 1.0, allocs(func() { _, _ = a.Authorize(ctx, secret, api, hallpass.RepositoryAdmin, hallpass.Webhook) }), "denied by the Authority")
}

func TestWhoIsOutOfReachOnlyMissesNothing(t *testing.T) {
	token, _ := issue(t, hallpasstest.New(t), api, hallpass.RepositoryRead)
	denied, ok := errors.AsType[*hallpass.DeniedError](hallpass.Authorize(token, hallpass.Repository("acme", "web"), hallpass.RepositoryRead))
	require.True(t, ok)
	assert.True(t, denied.OutOfReach)
	assert.Nil(t, denied.Missing)
}

// A host that forgets to look at the error has no token in its hand.
func TestADenialComesWithoutAToken(t *testing.T) {
	a := hallpasstest.New(t)
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	got, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryWrite)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	assert.Zero(t, got)
	got, err = a.Authorize(t.Context(), text, core, hallpass.RepositoryRead)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	assert.Zero(t, got)
}
