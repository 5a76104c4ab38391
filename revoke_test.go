package hallpass_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestRevokeIsForGood(t *testing.T) {
	store := memstore.New()
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	l.take()
	require.NoError(t, a.Revoke(t.Context(), api, token.ID))
	e := l.one(t)
	assert.Equal(t, hallpass.Revoked, e.Kind)
	assert.Equal(t, token.ID, e.Token.ID)
	assert.Equal(t, token.Name, e.Token.Name)
	_, err := a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, hallpass.ReasonRevoked, l.one(t).Reason)
	assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
	l.take()

	r, err := store.Get(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Zero(t, r.Verifier, "a tombstone")
	before, err := a.Get(t.Context(), acme, token.ID)
	require.NoError(t, err)
	time.Sleep(time.Millisecond)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID), "again is fine")
	after, err := a.Get(t.Context(), acme, token.ID)
	require.NoError(t, err)
	assert.True(t, before == after, "and changes nothing")
	assert.Empty(t, l.take())

	// Setting the clock of the record back, or its time of revocation forward, revives nothing.
	for _, at := range []time.Time{{}, time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC()} {
		edit(t, store, token.ID, func(r *hallpass.Record) { r.Token.RevokedAt = at })
		_, err = a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ReasonTampered, l.one(t).Reason)
	}
}

// A tombstone is dead whatever the clock says: in the second bubble it is an hour before the revocation.
func TestATombstoneOutlivesAClockThatGoesBack(t *testing.T) {
	key, store := hallpass.GenerateKey(), memstore.New()
	var text string
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		var token hallpass.Token
		token, text = issue(t, a, api, hallpass.RepositoryRead)
		time.Sleep(time.Hour)
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	})
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		tokens, _ := list(t, a, acme, hallpass.ListOptions{})
		assert.Empty(t, tokens)
	})
}

func TestRevokeReachesNoOtherTenant(t *testing.T) {
	a := hallpasstest.New(t)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	for _, within := range []hallpass.Resource{hallpass.Workspace("globex"), hallpass.Project("acme", "core"), hallpass.Repository("acme", "web"), hallpass.Repository("globex", "api")} {
		assert.Equal(t, hallpass.ErrNotFound, a.Revoke(t.Context(), within, token.ID), "%v", within)
		_, err := a.Get(t.Context(), within, token.ID)
		assert.Equal(t, hallpass.ErrNotFound, err)
	}
	assert.ErrorIs(t, a.Revoke(t.Context(), hallpass.Resource{}, token.ID), hallpass.ErrInvalid)
	for _, id := range []hallpass.ID{"", "a b", "\x00", hallpass.ID(text + text + text)} {
		err := a.Revoke(t.Context(), acme, id)
		assert.ErrorIs(t, err, hallpass.ErrNotFound)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.NotContains(t, err.Error(), text[23:])
		_, err = a.Get(t.Context(), acme, id)
		assert.ErrorIs(t, err, hallpass.ErrNotFound)
	}
	assert.Equal(t, hallpass.ErrNotFound, a.Revoke(t.Context(), acme, "nobody"))
	_, err := a.Authenticate(t.Context(), text)
	assert.NoError(t, err)
	for _, within := range []hallpass.Resource{acme, api, api.In("core")} {
		_, err := a.Get(t.Context(), within, token.ID)
		assert.NoError(t, err)
	}
}

func TestRevokingARotatedTokenDoesNotEndItsReplacement(t *testing.T) {
	a := hallpasstest.New(t)
	old, _ := issue(t, a, api, hallpass.RepositoryRead)
	_, secret, err := a.Rotate(t.Context(), acme, old.ID, time.Hour)
	require.NoError(t, err)
	require.NoError(t, a.Revoke(t.Context(), acme, old.ID))
	_, err = a.Authenticate(t.Context(), secret.Reveal())
	assert.NoError(t, err)
}

func TestWhoeverHoldsALeakedSecretMayEndIt(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.RevokeExposed(t.Context(), wrong(text))
	assert.Equal(t, hallpass.ErrUnauthenticated, err, "the ID alone is not enough")
	ended, err := a.RevokeExposed(t.Context(), text)
	require.NoError(t, err)
	assert.Equal(t, token.ID, ended.ID)
	assert.Equal(t, token.Scope, ended.Scope)
	assert.NotZero(t, ended.RevokedAt)
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	_, err = a.RevokeExposed(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err, "there is nothing left to end")

	// The token is alive when the secret is checked, and then the store fails.
	_, text = issue(t, a, api, hallpass.RepositoryRead)
	gets := 0
	store.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
		if gets++; gets > 1 {
			return nil, errors.New("gone")
		}
		return inner.Get(ctx, id)
	}
	_, err = a.RevokeExposed(t.Context(), text)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	store.get, store.write = nil, func(context.Context, ...hallpass.Change) error { return errors.New("read-only") }
	_, err = a.RevokeExposed(t.Context(), text)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	store.write = nil
	_, err = a.RevokeExposed(t.Context(), text)
	assert.NoError(t, err)
}

func TestRevokeAllEndsWhatIsBoundThere(t *testing.T) {
	a, l := observed(t, nil)
	texts := map[hallpass.Resource]string{}
	bound := []hallpass.Resource{acme, core, hallpass.Project("acme", "web"), api, hallpass.Repository("acme", "web"), hallpass.Workspace("globex"), hallpass.Project("globex", "core"), hallpass.Repository("globex", "api")}
	for _, r := range bound {
		_, texts[r] = issue(t, a, r, hallpass.RepositoryRead)
	}
	live := func() (n int) {
		for _, text := range texts {
			if _, err := a.Authenticate(t.Context(), text); err == nil {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		r           hallpass.Resource
		ended, left int
	}{
		{core, 1, 7}, {core, 0, 7}, {api.In("core"), 1, 6}, {hallpass.Repository("acme", "nothing"), 0, 6}, {acme, 3, 3}, {acme, 0, 3},
	} {
		l.take()
		n, err := a.RevokeAll(t.Context(), step.r)
		require.NoError(t, err)
		assert.Equal(t, step.ended, n, "%v", step.r)
		assert.Len(t, l.take(), step.ended)
		assert.Equal(t, step.left, live(), "%v", step.r)
	}
	_, err := a.RevokeAll(t.Context(), hallpass.Resource{})
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
}

func TestRevokeAllEndsManyAndTheOverlappingAndTheTampered(t *testing.T) {
	for name, wrap := range map[string]func(hallpass.Store) hallpass.Store{
		"many changes in a write": func(s hallpass.Store) hallpass.Store { return s },
		"one change in a write":   func(s hallpass.Store) hallpass.Store { return oneAtATime(s) },
	} {
		inner := memstore.New()
		a := hallpasstest.With(t, hallpass.Config{Store: wrap(inner)})
		var texts []string
		for range 600 {
			_, text := issue(t, a, api, hallpass.RepositoryRead)
			texts = append(texts, text)
		}
		old, overlapping := issue(t, a, api, hallpass.RepositoryRead)
		_, fresh, err := a.Rotate(t.Context(), acme, old.ID, time.Hour)
		require.NoError(t, err)
		tampered, dead := issue(t, a, api, hallpass.RepositoryRead)
		edit(t, inner, tampered.ID, func(r *hallpass.Record) { r.ScopeText = "webhook" })
		n, err := a.RevokeAll(t.Context(), acme)
		require.NoError(t, err)
		assert.Equal(t, 603, n, name)
		for _, text := range append(texts, overlapping, fresh.Reveal(), dead) {
			_, err := a.Authenticate(t.Context(), text)
			assert.Equal(t, hallpass.ErrUnauthenticated, err, name)
		}
		assert.Empty(t, collect(a.Verify(t.Context())))
	}
}

func TestRevokeAllSaysWhatItCouldNotEnd(t *testing.T) {
	inner := memstore.New()
	lost := hallpasstest.With(t, hallpass.Config{Store: inner})
	out, _ := issue(t, lost, api, hallpass.RepositoryRead)
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	n, err := a.RevokeAll(t.Context(), acme)
	assert.Equal(t, 1, n, "the others are ended all the same")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.ErrorIs(t, a.Revoke(t.Context(), acme, out.ID), hallpass.ErrUnavailable)

	issue(t, a, api, hallpass.RepositoryRead)
	store.write = func(context.Context, ...hallpass.Change) error { return errors.New("the disk is full") }
	n, err = a.RevokeAll(t.Context(), acme)
	assert.Zero(t, n)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	store.write = nil

	// Somebody issues as fast as it revokes.
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if err := inner.Write(ctx, changes...); err != nil || changes[0].Old == nil {
			return err
		}
		issue(t, a, api, hallpass.RepositoryRead)
		return nil
	}
	_, err = a.RevokeAll(t.Context(), acme)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorContains(t, err, "lock it first")
}

func TestARevocationThatLosesAndThenCannotReadIsUnavailable(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	store.write = func(context.Context, ...hallpass.Change) error {
		store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, errors.New("gone") }
		return hallpass.ErrConflict
	}
	assert.ErrorIs(t, a.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable)
}

func TestARecordThatIsGoneMeanwhileIsNotFound(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner, write: func(context.Context, ...hallpass.Change) error { return hallpass.ErrNotFound }}
	key := hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	assert.Equal(t, hallpass.ErrNotFound, b.Revoke(t.Context(), acme, token.ID))
	n, err := b.RevokeAll(t.Context(), acme)
	assert.NoError(t, err)
	assert.Zero(t, n)
	assert.Empty(t, collect(b.Reseal(t.Context())))
}

// In the second bubble it is an hour before the revocation.
func TestATombstoneIsDeadForRecheckAndRotateTooWhateverTheClockSays(t *testing.T) {
	key, store := hallpass.GenerateKey(), memstore.New()
	var token hallpass.Token
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		token, _ = issue(t, a, api, hallpass.RepositoryRead)
		time.Sleep(time.Hour)
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	})
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
		_, _, err := a.Rotate(t.Context(), acme, token.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrConflict)
	})
}

// Who loses to a Reseal, even several times, reads again: neither a revocation nor a rotation fails for it.
func TestWhoLosesToAResealReadsAgain(t *testing.T) {
	keys := [][]byte{hallpass.GenerateKey(), hallpass.GenerateKey(), hallpass.GenerateKey(), hallpass.GenerateKey()}
	for name, operation := range map[string]func(*hallpass.Authority, hallpass.ID) error{
		"revoke": func(a *hallpass.Authority, id hallpass.ID) error { return a.Revoke(t.Context(), acme, id) },
		"rotate": func(a *hallpass.Authority, id hallpass.ID) error {
			_, _, err := a.Rotate(t.Context(), acme, id, 0)
			return err
		},
		"all": func(a *hallpass.Authority, _ hallpass.ID) error { _, err := a.RevokeAll(t.Context(), acme); return err },
	} {
		inner := memstore.New()
		store := &hooked{Store: inner}
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, keys[0], keys[1:]...)})
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		lost := 0
		store.write = func(ctx context.Context, changes ...hallpass.Change) error {
			if lost < 3 {
				lost++
				others := append(append([][]byte{}, keys[:lost]...), keys[lost+1:]...)
				resealer := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, keys[lost], others...)})
				require.Len(t, collect(resealer.Reseal(ctx)), 1)
			}
			return inner.Write(ctx, changes...)
		}
		assert.NoError(t, operation(a, token.ID), name)
		assert.Equal(t, 3, lost, name)
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err, name)
	}
}

func TestAnExposedTokenThatIsTamperedWithMeanwhileIsEnded(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	gets := 0
	store.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
		if gets++; gets == 2 {
			edit(t, inner, id, func(r *hallpass.Record) { r.ScopeText = "repository:write" })
		}
		return inner.Get(ctx, id)
	}
	ended, err := a.RevokeExposed(t.Context(), text)
	require.NoError(t, err)
	assert.True(t, ended == hallpass.Token{ID: token.ID}, "nothing vouches for what the record says")
	r, err := inner.Get(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Zero(t, r.Verifier)
	assert.Zero(t, r.Seal)
	assert.NotZero(t, r.Token.RevokedAt)
}

// The first pass can end nothing. In the second, a rotation gets in between the reading and the writing: it meets the same tokens as the
// first, and yet there is a new one.
func TestRevokeAllGoesOnAfterAPassThatEndedSomething(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	other := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	// One that nobody can end, so that the first pass goes through to its end.
	lost := hallpasstest.With(t, hallpass.Config{Store: inner})
	issue(t, lost, api, hallpass.RepositoryRead)
	var replacement string
	writes := 0
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		switch writes++; writes {
		case 1:
			return errors.New("the disk is full")
		case 2:
			_, secret, err := other.Rotate(ctx, acme, token.ID, time.Hour)
			require.NoError(t, err)
			replacement = secret.Reveal()
		}
		return inner.Write(ctx, changes...)
	}
	n, err := a.RevokeAll(t.Context(), acme)
	assert.Equal(t, 2, n)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable, "there is still the one that nobody can end")
	for _, text := range []string{text, replacement} {
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	}
}

// RevokeAll counts what it ended itself, not what somebody else ended meanwhile.
func TestRevokeAllCountsWhatItEndedItself(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	single := oneAtATime(inner)
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	other := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	first, _ := issue(t, other, api, hallpass.RepositoryRead)
	issue(t, other, api, hallpass.RepositoryRead)
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if len(changes) > 1 {
			require.NoError(t, other.Revoke(ctx, acme, first.ID))
		}
		return single.write(ctx, changes...)
	}
	n, err := a.RevokeAll(t.Context(), acme)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}

// A host that deletes rows itself: the second pass meets as many tokens as the first, but others, and one is live that neither met.
func TestRevokeAllComparesWhatItMetNotHowMany(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	first, _ := issue(t, a, api, hallpass.RepositoryRead)
	second, _, err := a.Rotate(t.Context(), acme, first.ID, 0)
	require.NoError(t, err)
	_, secret, err := a.Rotate(t.Context(), acme, second.ID, 0)
	require.NoError(t, err)
	met := []hallpass.ID{first.ID, second.ID}
	store.list = func(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		if len(met) == 0 {
			return inner.List(ctx, q)
		}
		r, err := inner.Get(ctx, met[0])
		met = met[1:]
		return func(yield func(*hallpass.Record, error) bool) { yield(r, err) }
	}
	n, err := a.RevokeAll(t.Context(), acme)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, err = a.Authenticate(t.Context(), secret.Reveal())
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
}

// The first page cannot be ended, the second can: that is no success.
func TestRevokeAllSaysWhatItCouldNotEndOnAnEarlierPage(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	const n = 300
	for range n {
		issue(t, a, api, hallpass.RepositoryRead)
	}
	tokens, _ := list(t, a, acme, hallpass.ListOptions{Limit: 1})
	broken := errors.New("a bad sector")
	store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		for _, c := range changes {
			if c.New.Token.ID == tokens[0].ID {
				return broken
			}
		}
		return inner.Write(ctx, changes...)
	}
	ended, err := a.RevokeAll(t.Context(), acme)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, err, broken)
	left, _ := list(t, a, acme, hallpass.ListOptions{})
	assert.Len(t, left, n-ended)
}

func TestARecheckThatSaysNoIsTold(t *testing.T) {
	a, l := observed(t, nil)
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	l.take()
	require.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
	e := l.one(t)
	assert.Equal(t, hallpass.Rejected, e.Kind)
	assert.Equal(t, hallpass.ReasonRevoked, e.Reason)
	assert.Equal(t, token.ID, e.Token.ID)
}
