package hallpass_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// A store hands out a copy of a record that was found good, with one thing changed.
func TestAnEditedCopyOfAGoodRecordIsNotTakenForGood(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	store.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
		r, err := inner.Get(ctx, id)
		require.NoError(t, err)
		widened := *r
		widened.ScopeText = "repository:write"
		return &widened, nil
	}
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), token))
	store.get = nil
	_, err = a.Authenticate(t.Context(), text)
	assert.NoError(t, err)
}

// A store keeps one record and fills it anew for each answer, or writes to one that it handed out.
func TestARecordThatAStoreUsesAgainIsLookedAtAgain(t *testing.T) {
	inner := memstore.New()
	var again hallpass.Record
	change := func(*hallpass.Record) {}
	store := &hooked{Store: inner, get: func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
		r, err := inner.Get(ctx, id)
		if err == nil {
			again = *r
			change(&again)
		}
		return &again, err
	}}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	_, read := issue(t, a, api, hallpass.RepositoryRead)
	_, write := issue(t, a, hallpass.Repository("acme", "web"), hallpass.RepositoryWrite)
	for range 3 {
		got, err := a.Authenticate(t.Context(), read)
		require.NoError(t, err)
		assert.Equal(t, api, got.Resource)
		got, err = a.Authenticate(t.Context(), write)
		require.NoError(t, err)
		assert.Equal(t, "repository:write", got.Scope.String())
	}
	first, err := inner.Get(t.Context(), hallpass.ID(read[3:23]))
	require.NoError(t, err)
	second, err := inner.Get(t.Context(), hallpass.ID(write[3:23]))
	require.NoError(t, err)
	for name, f := range edits(second) {
		_, err = a.Authenticate(t.Context(), read)
		require.NoError(t, err)
		change = func(r *hallpass.Record) {
			if r.Token.ID == first.Token.ID {
				f(r)
			}
		}
		_, err = a.Authenticate(t.Context(), read)
		assert.Error(t, err, name)
		change = func(*hallpass.Record) {}
	}
}

// What one Authority has found says nothing to another, whose keys or realm differ, on the same records.
func TestTheVerdictOfAnotherAuthorityIsNotTakenForGood(t *testing.T) {
	store := memstore.New()
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	key := hallpass.GenerateKey()
	staging := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Realm: "staging"})
	production := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Realm: "production"})
	_, text := issue(t, staging, api, hallpass.RepositoryRead)
	for range 3 {
		_, err := staging.Authenticate(t.Context(), text)
		assert.NoError(t, err)
		_, err = production.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		_, err = a.Authenticate(t.Context(), text)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	}
}

// The next check after a revocation, a rotation or a reseal sees it, however often the token was checked before.
func TestNothingThatIsRememberedOutlivesAWrite(t *testing.T) {
	store := memstore.New()
	old := hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), old)})
	before := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, old)})
	token, text := issue(t, before, api, hallpass.RepositoryRead)
	check := func(want error) {
		t.Helper()
		for range 3 {
			_, err := a.Authenticate(t.Context(), text)
			assert.Equal(t, want, err)
		}
	}
	check(nil)
	assert.Len(t, collect(a.Reseal(t.Context())), 1)
	check(nil)
	_, err := before.Authenticate(t.Context(), text)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	check(hallpass.ErrUnauthenticated)
}

func TestTheWrongSecretOfARememberedTokenIsRefused(t *testing.T) {
	a, l := observed(t, nil)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	l.take()
	for i := 23; i < 58; i++ {
		c := byte('0')
		if text[i] == c {
			c = '1'
		}
		_, err := a.Authenticate(t.Context(), withChecksum(text[:i]+string(c)+text[i+1:58]))
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		e := l.one(t)
		assert.Equal(t, hallpass.ReasonWrongSecret, e.Reason)
		assert.True(t, e.Token == token)
	}
}

// A store that reads everything from a database anew costs no HMAC on the second check either.
func TestARecordThatIsReadAnewIsKnownAgain(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	r, err := inner.Get(t.Context(), token.ID)
	require.NoError(t, err)
	anew := *r
	anew.Token.ID = hallpass.ID(strings.Clone(string(r.Token.ID)))
	anew.Token.Name = strings.Clone(r.Token.Name)
	anew.ScopeText = strings.Clone(r.ScopeText)
	copies := []*hallpass.Record{r, &anew}
	n := 0
	store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { n++; return copies[n%2], nil }
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = a.Authenticate(ctx, text) }))
}
