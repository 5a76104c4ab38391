package hallpass_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// edits is every kind of change to a record that is not the Authority's: each field, each bit of a digest.
func edits(other *hallpass.Record) map[string]func(*hallpass.Record) {
	all := map[string]func(*hallpass.Record){
		"name":              func(r *hallpass.Record) { r.Token.Name += "x" },
		"name emptied":      func(r *hallpass.Record) { r.Token.Name = "" },
		"resource":          func(r *hallpass.Record) { r.Token.Resource = hallpass.Repository("acme", "web") },
		"resource widened":  func(r *hallpass.Record) { r.Token.Resource = acme },
		"resource kind":     func(r *hallpass.Record) { r.Token.Resource = hallpass.Project("acme", "api") },
		"resource emptied":  func(r *hallpass.Record) { r.Token.Resource = hallpass.Resource{} },
		"resource with In":  func(r *hallpass.Record) { r.Token.Resource = r.Token.Resource.In("core") },
		"scope widened":     func(r *hallpass.Record) { r.ScopeText += " repository:write" },
		"scope emptied":     func(r *hallpass.Record) { r.ScopeText = "" },
		"creator":           func(r *hallpass.Record) { r.Token.CreatedBy = "user-2" },
		"created":           func(r *hallpass.Record) { r.Token.CreatedAt = r.Token.CreatedAt.Add(time.Microsecond) },
		"created, a little": func(r *hallpass.Record) { r.Token.CreatedAt = r.Token.CreatedAt.Add(time.Nanosecond) },
		"created, zone":     func(r *hallpass.Record) { r.Token.CreatedAt = r.Token.CreatedAt.In(time.FixedZone("x", 3600)) },
		"created, cleared":  func(r *hallpass.Record) { r.Token.CreatedAt = time.Time{} },
		"created, 1970":     func(r *hallpass.Record) { r.Token.CreatedAt = time.Unix(0, 0).UTC() },
		"revoked": func(r *hallpass.Record) {
			r.Token.RevokedAt = time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC()
		},
		"revoked, 1970":  func(r *hallpass.Record) { r.Token.RevokedAt = time.Unix(0, 0).UTC() },
		"replaces":       func(r *hallpass.Record) { r.Token.Replaces = other.Token.ID },
		"replaced by":    func(r *hallpass.Record) { r.Token.ReplacedBy = other.Token.ID },
		"extra":          func(r *hallpass.Record) { r.Extra = "x" },
		"format":         func(r *hallpass.Record) { r.Format = 2 },
		"format emptied": func(r *hallpass.Record) { r.Format = 0 },
		"border moved": func(r *hallpass.Record) {
			r.Token.CreatedBy, r.Token.Replaces = r.Token.CreatedBy[:1], hallpass.ID(r.Token.CreatedBy[1:])
		},
		"verifier grafted":   func(r *hallpass.Record) { r.Verifier = other.Verifier },
		"seal grafted":       func(r *hallpass.Record) { r.Seal = other.Seal },
		"both grafted":       func(r *hallpass.Record) { r.Verifier, r.Seal = other.Verifier, other.Seal },
		"whole row grafted":  func(r *hallpass.Record) { id := r.Token.ID; *r = *other; r.Token.ID = id },
		"verifier emptied":   func(r *hallpass.Record) { r.Verifier = [32]byte{} },
		"seal emptied":       func(r *hallpass.Record) { r.Seal = [32]byte{} },
		"digests emptied":    func(r *hallpass.Record) { r.Verifier, r.Seal = [32]byte{}, [32]byte{} },
		"key and seal empty": func(r *hallpass.Record) { r.KeyID, r.Seal = 0, [32]byte{} },
	}
	for i := range 256 {
		all[fmt.Sprintf("verifier, bit %d", i)] = func(r *hallpass.Record) { r.Verifier[i/8] ^= 1 << (i % 8) }
		all[fmt.Sprintf("seal, bit %d", i)] = func(r *hallpass.Record) { r.Seal[i/8] ^= 1 << (i % 8) }
		if i < 64 {
			all[fmt.Sprintf("key ID, bit %d", i)] = func(r *hallpass.Record) { r.KeyID ^= 1 << i }
		}
		if i < 8 {
			all[fmt.Sprintf("format, bit %d", i)] = func(r *hallpass.Record) { r.Format ^= 1 << i }
		}
	}
	return all
}

func TestAnEditedRecordIsDeadAndRaisesAnAlarm(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	l := &log{}
	key := hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Observe: l.observe})
	resealer := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	neighbour, _ := issue(t, a, hallpass.Repository("acme", "web"), hallpass.RepositoryWrite)
	other, err := inner.Get(t.Context(), neighbour.ID)
	require.NoError(t, err)

	token, text := issue(t, a, api, hallpass.RepositoryRead)
	good, err := inner.Get(t.Context(), token.ID)
	require.NoError(t, err)
	for name, change := range edits(other) {
		_, err := a.Authenticate(t.Context(), text) // so that the good record is known as such
		require.NoError(t, err)
		l.take()

		edited := *good
		change(&edited)
		require.NotEqual(t, *good, edited, name)
		store.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			if id == token.ID {
				return &edited, nil
			}
			return inner.Get(ctx, id)
		}
		_, err = a.Authenticate(t.Context(), text)
		e := l.one(t)
		if edited.KeyID != good.KeyID && edited.KeyID != 0 {
			// A key that nobody has may be one that was forgotten: that is no verdict on the token.
			assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
			assert.Equal(t, hallpass.Unavailable, e.Kind, name)
		} else {
			assert.Equal(t, hallpass.ErrUnauthenticated, err, name)
			assert.Equal(t, hallpass.Rejected, e.Kind, name)
			assert.Equal(t, hallpass.ReasonTampered, e.Reason, name)
		}
		assert.True(t, e.Token == hallpass.Token{ID: token.ID}, "nothing of such a record is shown, but its ID")
		assert.Error(t, a.Recheck(t.Context(), token), name)
		l.take()
		store.get = nil

		// Verify and Reseal read through List.
		require.NoError(t, inner.Write(t.Context(), hallpass.Change{Old: good, New: &edited}))
		if stored, err := inner.Get(t.Context(), token.ID); err == nil && *stored == edited {
			assert.Error(t, collect(a.Verify(t.Context()))[token.ID], name)
			moved := collect(resealer.Reseal(t.Context()))
			assert.Error(t, moved[token.ID], name)
			after, err := inner.Get(t.Context(), token.ID)
			require.NoError(t, err)
			assert.Equal(t, edited, *after, "%s: Reseal leaves it as it is", name)
			_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
			assert.Error(t, err, name)
		}
		require.NoError(t, inner.Write(t.Context(), hallpass.Change{Old: &edited, New: good}))
	}
	t.Logf("%d edits, each dead", len(edits(other)))
}

// Every field of a Record is sealed, or is not the store's to keep.
func TestNoFieldOfARecordIsForgotten(t *testing.T) {
	names := func(v any) (list []string) {
		for f := range reflect.TypeOf(v).Fields() {
			list = append(list, f.Name)
		}
		return list
	}
	assert.Equal(t, []string{"ID", "Name", "Resource", "Scope", "CreatedBy", "CreatedAt", "RevokedAt", "Replaces", "ReplacedBy"}, names(hallpass.Token{}))
	assert.Equal(t, []string{"Token", "ScopeText", "Verifier", "Seal", "KeyID", "Format", "Extra"}, names(hallpass.Record{}),
		"a new field needs a place in appendSealed, in every store, and in edits above")
}

func TestATamperedRecordCanBeEnded(t *testing.T) {
	store := memstore.New()
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	spared, _ := issue(t, a, api, hallpass.RepositoryRead)
	edit(t, store, token.ID, func(r *hallpass.Record) { r.ScopeText = "repository:write" })

	tokens, errs := list(t, a, acme, hallpass.ListOptions{})
	require.Len(t, tokens, 2, "it hides no row after it")
	for i := range tokens {
		if tokens[i].ID == token.ID {
			assert.True(t, tokens[i] == hallpass.Token{ID: token.ID})
			assert.Equal(t, hallpass.ErrTampered, errs[i])
		} else {
			assert.True(t, tokens[i] == spared)
			assert.NoError(t, errs[i])
		}
	}
	got, err := a.Get(t.Context(), acme, token.ID)
	assert.ErrorIs(t, err, hallpass.ErrTampered)
	assert.True(t, got == hallpass.Token{ID: token.ID})
	assert.Equal(t, map[hallpass.ID]error{token.ID: hallpass.ErrTampered}, collect(a.Verify(t.Context())))
	l.take()

	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	e := l.one(t)
	assert.Equal(t, hallpass.Revoked, e.Kind)
	assert.Equal(t, hallpass.ReasonTampered, e.Reason)
	r, err := store.Get(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Zero(t, r.Verifier)
	assert.Zero(t, r.Seal)
	assert.Zero(t, r.KeyID)
	assert.NotZero(t, r.Token.RevokedAt)

	assert.Empty(t, collect(a.Verify(t.Context())))
	assert.NoError(t, a.Check(t.Context()))
	tokens, _ = list(t, a, acme, hallpass.ListOptions{})
	assert.Len(t, tokens, 1)
	tokens, _ = list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true})
	assert.Len(t, tokens, 2)
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, hallpass.ReasonRevoked, l.one(t).Reason)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID), "again is fine")
	assert.Empty(t, l.take())
	_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrTampered)
	assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
	assert.Empty(t, collect(a.Reseal(t.Context())))
}

// A record whose resource cannot be read lies nowhere. Whoever finds it may end it: it is dead already.
func TestARecordOfNoResourceCanBeEnded(t *testing.T) {
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	edit(t, store, token.ID, func(r *hallpass.Record) { r.Token.Resource = hallpass.Resource{} })
	_, err := a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	tokens, _ := list(t, a, acme, hallpass.ListOptions{})
	assert.Empty(t, tokens)
	assert.Contains(t, collect(a.Verify(t.Context())), token.ID)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	assert.Empty(t, collect(a.Verify(t.Context())))
}

// Ending a tampered record that was put right again in between ends the token all the same.
func TestARecordThatIsPutBackIsEndedToo(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	good, err := inner.Get(t.Context(), token.ID)
	require.NoError(t, err)
	edit(t, inner, token.ID, func(r *hallpass.Record) { r.Seal[0]++ })
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		store.write = nil
		now, _ := inner.Get(ctx, token.ID)
		require.NoError(t, inner.Write(ctx, hallpass.Change{Old: now, New: good}))
		return inner.Write(ctx, changes...)
	}
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Empty(t, collect(a.Verify(t.Context())), "it was a good record, so it is a sealed tombstone")
}

// Nothing vouches for what a record says that was ended because it was tampered with.
func TestTheEventOfATamperedAndEndedTokenShowsItsIDAlone(t *testing.T) {
	store := memstore.New()
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	edit(t, store, token.ID, func(r *hallpass.Record) { r.Token.Name = "a lie" })
	l.take()
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	e := l.one(t)
	assert.Equal(t, hallpass.ReasonTampered, e.Reason)
	assert.True(t, e.Token == hallpass.Token{ID: token.ID})
	_, err := a.Authenticate(t.Context(), text)
	require.Equal(t, hallpass.ErrUnauthenticated, err)
	e = l.one(t)
	assert.Equal(t, hallpass.ReasonRevoked, e.Reason)
	assert.True(t, e.Token == hallpass.Token{ID: token.ID})
}

// Whoever can write to the database cannot take a token out of sight by making it look ended.
func TestATokenThatWasMadeToLookEndedIsListed(t *testing.T) {
	for name, change := range map[string]func(*hallpass.Record){
		"without verifier":         func(r *hallpass.Record) { r.Verifier = [32]byte{} },
		"without verifier and key": func(r *hallpass.Record) { r.Verifier, r.KeyID = [32]byte{}, 0 },
		"revoked in 1970":          func(r *hallpass.Record) { r.Token.RevokedAt = time.UnixMicro(1).UTC() },
	} {
		store := memstore.New()
		a, l := observed(t, store)
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		edit(t, store, token.ID, change)
		tokens, errs := list(t, a, acme, hallpass.ListOptions{})
		assert.Equal(t, []hallpass.Token{{ID: token.ID}}, tokens, name)
		assert.Equal(t, []error{hallpass.ErrTampered}, errs, name)
		assert.Len(t, collect(a.Verify(t.Context())), 1, name)
		l.take()
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ReasonTampered, l.one(t).Reason, name)
	}
}
