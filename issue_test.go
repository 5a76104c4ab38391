package hallpass_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestIssueRefusesAnUnsoundGrantAndStoresNothing(t *testing.T) {
	catalog, err := hallpass.NewCatalog(
		hallpass.Definition{Permission: "read", Kinds: everyKind},
		hallpass.Definition{Permission: "old", Kinds: everyKind, Retired: true},
		hallpass.Definition{Permission: "projects", Kinds: everyKind[:2]},
		hallpass.Definition{Permission: "never"},
	)
	require.NoError(t, err)
	asked := false
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Catalog: catalog, Policy: func(context.Context, hallpass.Grant) error { asked = true; return nil }})
	sound := grant(api, "read")
	for why, change := range map[string]func(*hallpass.Grant){
		"zero Resource":                  func(g *hallpass.Grant) { g.Resource = hallpass.Repository("acme", "a/b") },
		"at least one":                   func(g *hallpass.Grant) { g.Permissions = nil },
		`"write" is not in the`:          func(g *hallpass.Grant) { g.Permissions = []hallpass.Permission{"read", "write"} },
		`"read" twice`:                   func(g *hallpass.Grant) { g.Permissions = []hallpass.Permission{"read", "read"} },
		`permission "old" is retired`:    func(g *hallpass.Grant) { g.Permissions = []hallpass.Permission{"old"} },
		`may not hold permission "pro`:   func(g *hallpass.Grant) { g.Permissions = []hallpass.Permission{"read", "projects"} },
		`may not hold permission "never`: func(g *hallpass.Grant) { g.Permissions = []hallpass.Permission{"never"} },
		"Grant.Replaces":                 func(g *hallpass.Grant) { g.Replaces = "x" },
		"Grant.RevokeAt":                 func(g *hallpass.Grant) { g.RevokeAt = time.Now().Add(-time.Second) },
		"before the year 10000":          func(g *hallpass.Grant) { g.RevokeAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		g := sound
		change(&g)
		refused(t, a, g, why)
	}
	for _, bad := range []string{"", " x", "x ", "\u00a0x", "a\nb", "a\tb", "a\x00b", "a\u200bb", "a\u2028b", "\xff", "a\u00adb", strings.Repeat("x", 129), strings.Repeat("é", 65)} {
		g := sound
		g.Name = bad
		refused(t, a, g, "Grant.Name; it is 1 to 128 bytes")
		g = sound
		g.CreatedBy = bad
		refused(t, a, g, "Grant.CreatedBy; it is 1 to 128 bytes")
	}
	assert.False(t, asked, "the policy is asked about sound grants only")
	for range store.List(t.Context(), hallpass.Query{All: true}) {
		t.Error("something was stored")
	}
	for _, good := range []string{"x", "a b", strings.Repeat("é", 64), "日本語", "it's \"quoted\" <b>", "e\u0301"} {
		g := sound
		g.Name, g.CreatedBy = good, good
		_, _, err := a.Issue(t.Context(), g)
		assert.NoError(t, err, "%q", good)
	}
	assert.True(t, asked)
}

func refused(t *testing.T, a *hallpass.Authority, g hallpass.Grant, why string) {
	t.Helper()
	token, secret, err := a.Issue(t.Context(), g)
	assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
	assert.ErrorContains(t, err, why)
	assert.Zero(t, token)
	assert.Equal(t, "", secret.Reveal())
}

func TestATokenIsWhatItWasIssuedWith(t *testing.T) {
	a, l := observed(t, nil)
	before := time.Now()
	token, secret, err := a.Issue(t.Context(), grant(api.In("core"), hallpass.RepositoryWrite, hallpass.PipelineRead))
	require.NoError(t, err)
	assert.Equal(t, "deploy job", token.Name)
	assert.Equal(t, "user-1", token.CreatedBy)
	assert.Equal(t, api, token.Resource, "In is not part of what a token is bound to")
	assert.Equal(t, "pipeline repository:write", token.Scope.String())
	assert.WithinDuration(t, before, token.CreatedAt, time.Minute)
	assert.Equal(t, time.UnixMicro(token.CreatedAt.UnixMicro()).UTC(), token.CreatedAt)
	assert.Zero(t, token.RevokedAt)
	assert.Empty(t, token.Replaces+token.ReplacedBy)
	e := l.one(t)
	assert.Equal(t, hallpass.Issued, e.Kind)
	assert.True(t, e.Token == token)

	for _, get := range []func() (hallpass.Token, error){
		func() (hallpass.Token, error) { return a.Authenticate(t.Context(), secret.Reveal()) },
		func() (hallpass.Token, error) {
			return a.Authorize(t.Context(), secret.Reveal(), api, hallpass.RepositoryRead)
		},
		func() (hallpass.Token, error) { return a.Get(t.Context(), acme, token.ID) },
	} {
		got, err := get()
		require.NoError(t, err)
		assert.True(t, got == token)
	}
}

func TestATokenDoesNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		_, text := issue(t, a, api, hallpass.RepositoryRead)
		time.Sleep(100 * 365 * 24 * time.Hour)
		_, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
		assert.NoError(t, err)
	})
}

func TestALifeThatTheHostBoundsEndsThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, l := observed(t, nil)
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(time.Hour + 300*time.Nanosecond)
		token, secret, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		assert.Equal(t, time.Now().Add(time.Hour).UTC(), token.RevokedAt)
		time.Sleep(time.Hour - time.Microsecond)
		_, err = a.Authenticate(t.Context(), secret.Reveal())
		require.NoError(t, err)
		assert.NoError(t, a.Recheck(t.Context(), token))
		l.take()
		time.Sleep(time.Microsecond)
		_, err = a.Authenticate(t.Context(), secret.Reveal())
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ReasonRevoked, l.one(t).Reason)
		assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
		assert.Equal(t, hallpass.ErrUnauthenticated, a.Decide(t.Context(), token, api, hallpass.RepositoryRead))
		// Revoking what has ended by itself makes a tombstone, and moves nothing later.
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
		got, err := a.Get(t.Context(), acme, token.ID)
		require.NoError(t, err)
		assert.Equal(t, token.RevokedAt, got.RevokedAt)
	})
}

func TestPolicyCanOnlyRefuse(t *testing.T) {
	no := errors.New("the plan has no project tokens")
	var seen hallpass.Grant
	var answer func() error
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Policy: func(_ context.Context, g hallpass.Grant) error {
		seen = g
		g.Permissions[0] = hallpass.TokenAdmin // what it is shown is a copy
		return answer()
	}})
	permissions := []hallpass.Permission{hallpass.RepositoryRead}
	try := func(f func() error) (hallpass.Token, hallpass.Secret, error) {
		answer = f
		return a.Issue(t.Context(), grant(core, permissions...))
	}
	_, secret, err := try(func() error { return no })
	assert.ErrorIs(t, err, no)
	assert.Equal(t, "", secret.Reveal())
	_, secret, err = try(func() error { panic("policy") })
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, "", secret.Reveal())
	for range store.List(t.Context(), hallpass.Query{All: true}) {
		t.Error("something was stored")
	}
	token, _, err := try(func() error { return nil })
	require.NoError(t, err)
	assert.Equal(t, "repository", token.Scope.String())
	assert.Equal(t, hallpass.RepositoryRead, permissions[0], "the caller's list is the caller's")
	assert.Equal(t, core, seen.Resource)

	answer = func() error { return no }
	_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
	assert.ErrorIs(t, err, no, "Rotate asks again")
	assert.Equal(t, token.ID, seen.Replaces)
	got, err := a.Get(t.Context(), acme, token.ID)
	require.NoError(t, err)
	assert.True(t, got == token, "and nothing happened")
	answer = func() error { panic("policy") }
	_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
}

func TestATakenIDIsNeverOverwritten(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	tries := 0
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if tries++; tries < 3 {
			return hallpass.ErrExists
		}
		return inner.Write(ctx, changes...)
	}
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	assert.Equal(t, 3, tries)
	_, err := a.Authenticate(t.Context(), text)
	assert.NoError(t, err)

	tries = -1 << 30
	_, _, err = a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, -1<<30+3, tries)
}

func TestAnIssuerWritesToTheStoreThatItWasGiven(t *testing.T) {
	own, other := memstore.New(), memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: own})
	i := a.With(other)
	token, secret, err := i.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	require.NoError(t, err)
	_, err = a.Authenticate(t.Context(), secret.Reveal())
	assert.Equal(t, hallpass.ErrUnauthenticated, err, "it is not in the Authority's own store")
	_, fresh, err := i.Rotate(t.Context(), acme, token.ID, 0)
	require.NoError(t, err)
	assert.NotEmpty(t, fresh.Reveal())
	n, err := i.RevokeAll(t.Context(), acme)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.NoError(t, i.Revoke(t.Context(), acme, token.ID))
	_, _, err = a.With(nil).Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
}

// Whether a write that failed was made nobody knows. It is not made again.
func TestIssueWritesOnceWhateverTheStoreSays(t *testing.T) {
	writes := 0
	store := &hooked{Store: memstore.New(), write: func(context.Context, ...hallpass.Change) error { writes++; return errors.New("disk full") }}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	_, _, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, 1, writes)
	assert.Equal(t, 1, strings.Count(err.Error(), "unavailable"), "it is said once: %v", err)
}

func TestALifeThatEndsNowIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now()
		refused(t, a, g, "Grant.RevokeAt")
		g.RevokeAt = time.Now().Add(time.Microsecond)
		_, _, err := a.Issue(t.Context(), g)
		assert.NoError(t, err)
		g.RevokeAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		_, _, err = a.Issue(t.Context(), g)
		assert.NoError(t, err)
	})
}

// An Issuer works inside the host's transaction: whatever it does, and whatever gets in its way, it leaves the Authority's own store alone.
func TestAnIssuerNeverAsksTheStoreOfItsAuthority(t *testing.T) {
	a := hallpasstest.With(t, hallpass.Config{Store: &hooked{}}) // whoever asks it panics
	for name, wrap := range map[string]func(hallpass.Store) *hooked{"together": func(s hallpass.Store) *hooked { return &hooked{Store: s, write: s.Write} }, "one at a time": oneAtATime} {
		inner := memstore.New()
		store := wrap(inner)
		i := a.With(store)
		give := func() hallpass.Token {
			token, _, err := i.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
			require.NoError(t, err, name)
			return token
		}
		write := store.write
		conflicts := func() { // once
			store.write = func(ctx context.Context, changes ...hallpass.Change) error {
				store.write = write
				return hallpass.ErrConflict
			}
		}
		for range 2 {
			fresh, _, err := i.Rotate(t.Context(), acme, give().ID, 0)
			require.NoError(t, err, name)
			require.NoError(t, i.Revoke(t.Context(), acme, fresh.ID), name)
			token := give()
			conflicts()
			require.NoError(t, i.Revoke(t.Context(), acme, token.ID), name)
			give()
			give()
			conflicts()
			n, err := i.RevokeAll(t.Context(), acme)
			require.NoError(t, err, name)
			assert.Equal(t, 2, n, name)
			give()
			give()
			n, err = i.RevokeAll(t.Context(), acme)
			require.NoError(t, err, name)
			assert.Equal(t, 2, n, name)
		}
		for r, err := range inner.List(t.Context(), hallpass.Query{All: true}) {
			require.NoError(t, err)
			assert.Zero(t, r.Verifier, name)
		}
	}
}
