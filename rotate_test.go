package hallpass_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestRotateReplacesATokenInOneWrite(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a, l := observed(t, store)
	old, text := issue(t, a, api, hallpass.RepositoryRead, hallpass.PipelineRead)
	l.take()
	writes := 0
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		writes++
		assert.Len(t, changes, 2)
		return inner.Write(ctx, changes...)
	}
	fresh, secret, err := a.Rotate(t.Context(), acme, old.ID, 0)
	require.NoError(t, err)
	assert.Equal(t, 1, writes)
	assert.Equal(t, []any{old.Name, old.Resource, old.Scope, old.CreatedBy, old.ID}, []any{fresh.Name, fresh.Resource, fresh.Scope, fresh.CreatedBy, fresh.Replaces})
	assert.NotEqual(t, old.ID, fresh.ID)
	assert.Zero(t, fresh.RevokedAt)
	e := l.one(t)
	assert.Equal(t, hallpass.Rotated, e.Kind)
	assert.True(t, e.Token == fresh)

	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	got, err := a.Authenticate(t.Context(), secret.Reveal())
	require.NoError(t, err)
	assert.True(t, got == fresh)
	ended, err := a.Get(t.Context(), acme, old.ID)
	require.NoError(t, err)
	assert.Equal(t, fresh.ID, ended.ReplacedBy)
	assert.NotZero(t, ended.RevokedAt)
}

func TestRotateWithOverlapLetsBothWorkUntilThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		old, text := issue(t, a, api, hallpass.RepositoryRead)
		_, secret, err := a.Rotate(t.Context(), acme, old.ID, time.Hour+time.Nanosecond)
		require.NoError(t, err)
		both := func() (first, second error) {
			_, first = a.Authenticate(t.Context(), text)
			_, second = a.Authenticate(t.Context(), secret.Reveal())
			return
		}
		first, second := both()
		assert.NoError(t, first)
		assert.NoError(t, second)
		_, _, err = a.Rotate(t.Context(), acme, old.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrConflict, "it was replaced")
		time.Sleep(time.Hour)
		first, second = both()
		assert.Equal(t, hallpass.ErrUnauthenticated, first)
		assert.NoError(t, second)
	})
}

// Revoking makes a tombstone also of a token whose end was set for later, and that end does not come back.
func TestARevocationOnlyMovesEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		a := hallpasstest.With(t, hallpass.Config{Store: store})
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(time.Minute)
		bounded, _, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		_, _, err = a.Rotate(t.Context(), acme, bounded.ID, time.Hour)
		require.NoError(t, err)
		got, err := a.Get(t.Context(), acme, bounded.ID)
		require.NoError(t, err)
		assert.Equal(t, bounded.RevokedAt, got.RevokedAt, "an overlap does not lengthen a life")

		require.NoError(t, a.Revoke(t.Context(), acme, bounded.ID))
		got, err = a.Get(t.Context(), acme, bounded.ID)
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC(), got.RevokedAt)
		r, err := store.Get(t.Context(), bounded.ID)
		require.NoError(t, err)
		assert.Zero(t, r.Verifier)
		assert.NotEmpty(t, got.ReplacedBy, "who replaced it is not forgotten")
	})
}

func TestABoundedLifeIsBoundedAnewByTheSameLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(24 * time.Hour)
		old, _, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		time.Sleep(23 * time.Hour)
		fresh, _, err := a.Rotate(t.Context(), acme, old.ID, 0)
		require.NoError(t, err)
		assert.Equal(t, time.Now().Add(24*time.Hour).UTC(), fresh.RevokedAt)
	})
}

func TestRotateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), memstore.New()
		key := hallpass.GenerateKey()
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		live, _ := issue(t, a, core, hallpass.RepositoryRead)
		revoked, _ := issue(t, a, core, hallpass.RepositoryRead)
		require.NoError(t, a.Revoke(ctx, acme, revoked.ID))
		tampered, _ := issue(t, a, core, hallpass.RepositoryRead)
		edit(t, store, tampered.ID, func(r *hallpass.Record) { r.ScopeText = "project" })
		bounded := grant(core, hallpass.RepositoryRead)
		bounded.RevokeAt = time.Now().Add(time.Second)
		over, _, err := a.Issue(ctx, bounded)
		require.NoError(t, err)
		bounded.RevokeAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		long, _, err := a.Issue(ctx, bounded)
		require.NoError(t, err)
		time.Sleep(time.Second)

		for _, row := range []struct {
			why     string
			within  hallpass.Resource
			id      hallpass.ID
			overlap time.Duration
			err     error
		}{
			{"a zero within is never all", hallpass.Resource{}, live.ID, 0, hallpass.ErrInvalid},
			{"another tenant's ID is worth nothing", hallpass.Workspace("globex"), live.ID, 0, hallpass.ErrNotFound},
			{"a repository does not contain its project", api.In("core"), live.ID, 0, hallpass.ErrNotFound},
			{"an unknown ID", acme, "nobody", 0, hallpass.ErrNotFound},
			{"an empty ID", acme, "", 0, hallpass.ErrInvalid},
			{"a negative overlap", acme, live.ID, -1, hallpass.ErrInvalid},
			{"revoked", acme, revoked.ID, 0, hallpass.ErrConflict},
			{"ended by itself", acme, over.ID, 0, hallpass.ErrConflict},
			{"tampered", acme, tampered.ID, 0, hallpass.ErrTampered},
			{"a life that would end after the year 9999", acme, long.ID, 0, nil},
		} {
			if row.err == nil {
				time.Sleep(3 * 365 * 24 * time.Hour)
				row.err = hallpass.ErrInvalid
			}
			token, secret, err := a.Rotate(ctx, row.within, row.id, row.overlap)
			assert.ErrorIs(t, err, row.err, row.why)
			assert.Zero(t, token)
			assert.Equal(t, "", secret.Reveal())
		}
		_, _, err = a.Rotate(ctx, acme, live.ID, math.MaxInt64)
		assert.NoError(t, err, "the longest overlap that there is")

		// The catalog of a later version of the host lets no project hold it any more.
		later, err := hallpass.NewCatalog(hallpass.Definition{Permission: "repository", Kinds: everyKind[2:]}, hallpass.Definition{Permission: "webhook", Kinds: everyKind})
		require.NoError(t, err)
		other, text := issue(t, a, core, hallpass.RepositoryRead)
		b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Catalog: later})
		_, _, err = b.Rotate(ctx, acme, other.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.ErrorContains(t, err, "grants nothing any more")
		_, err = b.Authorize(ctx, text, core, "repository")
		assert.ErrorIs(t, err, hallpass.ErrDenied)
	})
}

func TestTheReplacementKeepsWhatStillGrants(t *testing.T) {
	key, store := hallpass.GenerateKey(), memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	old, text := issue(t, a, core, hallpass.RepositoryRead, hallpass.Webhook, hallpass.RunnerRead)
	catalog, err := hallpass.NewCatalog(
		hallpass.Definition{Permission: "repository", Kinds: everyKind, Retired: true}, // still honoured and carried on
		hallpass.Definition{Permission: "webhook", Kinds: everyKind[2:]},               // no longer for projects
	) // and runners are gone
	require.NoError(t, err)
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Catalog: catalog})
	got, err := b.Authorize(t.Context(), text, core, "repository")
	require.NoError(t, err)
	assert.Equal(t, "repository", got.Scope.String())
	_, err = b.Authorize(t.Context(), text, core, "webhook")
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	_, err = b.Authorize(t.Context(), text, core, "runner")
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	fresh, _, err := b.Rotate(t.Context(), acme, old.ID, 0)
	require.NoError(t, err)
	assert.Equal(t, "repository", fresh.Scope.String())
}

// oneAtATime is a store that can make but one change at a time.
func oneAtATime(inner hallpass.Store) *hooked {
	return &hooked{Store: inner, write: func(ctx context.Context, changes ...hallpass.Change) error {
		if len(changes) > 1 {
			return errors.ErrUnsupported
		}
		return inner.Write(ctx, changes...)
	}}
}

func TestRotateOnAStoreWithoutMultiChangeWrites(t *testing.T) {
	inner := memstore.New()
	store := oneAtATime(inner)
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, text := issue(t, a, api, hallpass.RepositoryRead)
	fresh, secret, err := a.Rotate(t.Context(), acme, old.ID, 0)
	require.NoError(t, err)
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	_, err = a.Authenticate(t.Context(), secret.Reveal())
	assert.NoError(t, err)

	// A revocation that comes between the two writes wins, and leaves no live replacement.
	single := store.write
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if err := single(ctx, changes...); err != nil || changes[0].Old != nil {
			return err
		}
		store.write = single
		return a.Revoke(ctx, acme, fresh.ID)
	}
	_, _, err = a.Rotate(t.Context(), acme, fresh.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrConflict)
	tokens, _ := list(t, a, acme, hallpass.ListOptions{})
	assert.Empty(t, tokens)

	// Where not even the undoing succeeds, the error says that the outcome is unknown.
	live, _ := issue(t, a, api, hallpass.RepositoryRead)
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if changes[0].Old != nil {
			return errors.New("the disk is full")
		}
		return single(ctx, changes...)
	}
	_, _, err = a.Rotate(t.Context(), acme, live.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	store.write = func(_ context.Context, changes ...hallpass.Change) error {
		if len(changes) == 1 {
			return errors.New("the disk is full")
		}
		return errors.ErrUnsupported
	}
	_, _, err = a.Rotate(t.Context(), acme, live.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
}

// The replacement was created; the old token could be neither ended nor the new one revoked.
func TestAReplacementThatCannotBeUndoneIsReported(t *testing.T) {
	inner := memstore.New()
	store := oneAtATime(inner)
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, text := issue(t, a, api, hallpass.RepositoryRead)
	single, broken := store.write, errors.New("the disk is full")
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if len(changes) == 1 && changes[0].Old != nil {
			if changes[0].Old.Token.ID == old.ID {
				return hallpass.ErrConflict
			}
			return broken
		}
		return single(ctx, changes...)
	}
	_, secret, err := a.Rotate(t.Context(), acme, old.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, "", secret.Reveal(), "nobody has the secret of what is left")
	_, err = a.Authenticate(t.Context(), text)
	assert.NoError(t, err, "the old one works")
}

func TestAStoreThatConflictsForeverIsUnavailable(t *testing.T) {
	inner := memstore.New()
	key := hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	live, _ := issue(t, a, api, hallpass.RepositoryRead)
	tries := 0
	store := &hooked{Store: inner, write: func(context.Context, ...hallpass.Change) error { tries++; return hallpass.ErrConflict }}
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	_, _, err := b.Rotate(t.Context(), acme, live.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, b.Revoke(t.Context(), acme, live.ID), hallpass.ErrUnavailable)
	_, err = b.RevokeAll(t.Context(), acme)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, collect(b.Reseal(t.Context()))[live.ID], hallpass.ErrUnavailable)
	assert.Less(t, tries, 200)
}

// What a later catalog does not know grants nothing, not even what has the first place in it.
func TestAPermissionThatIsGoneGrantsNothing(t *testing.T) {
	key, store := hallpass.GenerateKey(), memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	_, text := issue(t, a, core, hallpass.RunnerRead, hallpass.Webhook)
	catalog, err := hallpass.NewCatalog(hallpass.Definition{Permission: "admin", Kinds: everyKind}, hallpass.Definition{Permission: "webhook", Kinds: everyKind})
	require.NoError(t, err)
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Catalog: catalog})
	got, err := b.Authenticate(t.Context(), text)
	require.NoError(t, err)
	assert.Equal(t, "webhook", got.Scope.String())
	_, err = b.Authorize(t.Context(), text, core, "admin")
	assert.ErrorIs(t, err, hallpass.ErrDenied)
}

// Not even the clock of the record tells such a rotation from one without overlap.
func TestAnOverlapOfLessThanAMicrosecondIsNone(t *testing.T) {
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, _ := issue(t, a, api, hallpass.RepositoryRead)
	_, _, err := a.Rotate(t.Context(), acme, old.ID, time.Microsecond-time.Nanosecond)
	require.NoError(t, err)
	r, err := store.Get(t.Context(), old.ID)
	require.NoError(t, err)
	assert.Zero(t, r.Verifier, "a tombstone")
}

// A host that deletes rows itself does so between the reading of one and its writing.
func TestARotationOfARecordThatIsGoneMeanwhileIsNotFound(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	store.write = func(context.Context, ...hallpass.Change) error {
		store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, hallpass.ErrNotFound }
		return hallpass.ErrNotFound
	}
	_, _, err := a.Rotate(t.Context(), acme, token.ID, 0)
	assert.Equal(t, hallpass.ErrNotFound, err)
}

// A rotation that fails leaves no second token behind, and does not end the first.
func TestARotationThatFailsCreatesNothingAndEndsNothing(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, text := issue(t, a, api, hallpass.RepositoryRead)
	single := oneAtATime(inner).write
	for name, write := range map[string]func(context.Context, ...hallpass.Change) error{
		"the one write": func(ctx context.Context, changes ...hallpass.Change) error {
			if len(changes) > 1 {
				return errors.New("the disk is full")
			}
			return inner.Write(ctx, changes...)
		},
		"the first of two": func(ctx context.Context, changes ...hallpass.Change) error {
			if len(changes) == 1 && changes[0].Old == nil {
				return errors.New("the disk is full")
			}
			return single(ctx, changes...)
		},
	} {
		store.write = write
		_, _, err := a.Rotate(t.Context(), acme, old.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		_, err = a.Authenticate(t.Context(), text)
		assert.NoError(t, err, name)
		tokens, _ := list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true})
		assert.Len(t, tokens, 1, name)
	}
}

// The request ends between the two writes of a store that can make but one change at a time.
func TestAReplacementIsUndoneThoughTheRequestEnded(t *testing.T) {
	inner := memstore.New()
	store := oneAtATime(inner)
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, text := issue(t, a, api, hallpass.RepositoryRead)
	single := store.write
	ctx, cancel := context.WithCancel(t.Context())
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		err := single(ctx, changes...)
		if err == nil && changes[0].Old == nil {
			cancel()
		}
		return err
	}
	_, _, err := a.Rotate(ctx, acme, old.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	tokens, _ := list(t, a, acme, hallpass.ListOptions{})
	require.Len(t, tokens, 1, "nobody has the secret of the other")
	assert.Equal(t, old.ID, tokens[0].ID)
	_, err = a.Authenticate(t.Context(), text)
	assert.NoError(t, err)
}

func TestRotateTriesAnotherIDWhereOneIsTaken(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	old, _ := issue(t, a, api, hallpass.RepositoryRead)
	var tried []hallpass.ID
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		tried = append(tried, changes[1].New.Token.ID)
		if len(tried) < 3 {
			return hallpass.ErrExists
		}
		return inner.Write(ctx, changes...)
	}
	fresh, _, err := a.Rotate(t.Context(), acme, old.ID, 0)
	require.NoError(t, err)
	require.Len(t, tried, 3)
	assert.Equal(t, fresh.ID, tried[2])
	assert.NotEqual(t, tried[0], tried[1])
}
