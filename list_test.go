package hallpass_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestListShowsWhatIsLiveWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		tokens := map[hallpass.Resource]hallpass.Token{}
		for _, r := range []hallpass.Resource{acme, core, api, hallpass.Workspace("globex")} {
			tokens[r], _ = issue(t, a, r, hallpass.RepositoryRead)
		}
		revoked, _ := issue(t, a, api, hallpass.RepositoryRead)
		require.NoError(t, a.Revoke(t.Context(), acme, revoked.ID))
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(time.Hour)
		bounded, _, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		ids := func(within hallpass.Resource, opts hallpass.ListOptions) (ids []hallpass.ID) {
			list, errs := list(t, a, within, opts)
			for i, token := range list {
				assert.NoError(t, errs[i])
				ids = append(ids, token.ID)
			}
			assert.True(t, slices.IsSorted(ids))
			return ids
		}
		of := func(list ...hallpass.Token) (ids []hallpass.ID) {
			for _, token := range list {
				ids = append(ids, token.ID)
			}
			slices.Sort(ids)
			return ids
		}
		all := of(tokens[acme], tokens[core], tokens[api], bounded)
		assert.Equal(t, all, ids(acme, hallpass.ListOptions{}))
		assert.Equal(t, of(tokens[acme]), ids(acme, hallpass.ListOptions{Only: true}))
		assert.Equal(t, of(tokens[core]), ids(core, hallpass.ListOptions{}))
		assert.Equal(t, of(tokens[api], bounded), ids(api.In("core"), hallpass.ListOptions{}))
		assert.Equal(t, of(tokens[api], bounded, revoked), ids(api, hallpass.ListOptions{IncludeRevoked: true}))
		assert.Equal(t, all[:2], ids(acme, hallpass.ListOptions{Limit: 2}))
		assert.Equal(t, all[2:], ids(acme, hallpass.ListOptions{After: all[1]}))
		assert.Empty(t, ids(acme, hallpass.ListOptions{After: "zzzz"}))
		time.Sleep(time.Hour)
		assert.Equal(t, of(tokens[api]), ids(api, hallpass.ListOptions{}), "what has ended is not live")
	})
}

func TestListNeverMeansAll(t *testing.T) {
	a := hallpasstest.New(t)
	issue(t, a, api, hallpass.RepositoryRead)
	tokens, errs := list(t, a, hallpass.Resource{}, hallpass.ListOptions{})
	assert.Equal(t, []hallpass.Token{{}}, tokens)
	assert.ErrorIs(t, errs[0], hallpass.ErrInvalid)
	for _, opts := range []hallpass.ListOptions{{Limit: -1}, {After: "a b"}, {After: "\xff"}} {
		_, errs = list(t, a, acme, opts)
		assert.Len(t, errs, 1)
		assert.ErrorIs(t, errs[0], hallpass.ErrInvalid)
	}
}

func TestListGoesThroughManyPagesWhileTokensEnd(t *testing.T) {
	a := hallpasstest.New(t)
	const n = 1100
	for range n {
		issue(t, a, api, hallpass.RepositoryRead)
	}
	seen := map[hallpass.ID]bool{}
	for token, err := range a.List(t.Context(), acme, hallpass.ListOptions{}) {
		require.NoError(t, err)
		require.False(t, seen[token.ID])
		seen[token.ID] = true
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	}
	assert.Len(t, seen, n)
	count := 0
	for range a.List(t.Context(), acme, hallpass.ListOptions{IncludeRevoked: true}) {
		if count++; count == 700 {
			break
		}
	}
	assert.Equal(t, 700, count)
}

func TestVerifyAndResealGoThroughManyPagesAndCanBeStopped(t *testing.T) {
	store, key := memstore.New(), hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
	const n = 600
	var texts []string
	for range n {
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		texts = append(texts, text)
		if len(texts)%3 == 0 {
			edit(t, store, token.ID, func(r *hallpass.Record) { r.Extra = "x" })
		}
	}
	l := &log{}
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key), Observe: l.observe})
	assert.Len(t, collect(b.Verify(t.Context())), n/3)
	for range b.Verify(t.Context()) {
		break
	}
	moved := 0
	for _, err := range b.Reseal(t.Context()) {
		if err == nil {
			if moved++; moved == 100 {
				break // killed
			}
		}
	}
	rest := collect(b.Reseal(t.Context()))
	for _, err := range rest {
		if err == nil {
			moved++
		}
	}
	assert.Equal(t, n-n/3, moved, "each is moved once, however often it is started")
	assert.Len(t, rest, n-100)
	assert.Len(t, l.take(), n-n/3)
	for i, text := range texts {
		_, err := b.Authenticate(t.Context(), text)
		assert.Equal(t, (i+1)%3 != 0, err == nil)
	}
}

// Somebody else writes between Reseal's reading of a record and its writing.
func TestResealLosesToOthersAndReadsAgain(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	interfere := func(f func(hallpass.ID)) (hallpass.Token, error) {
		token, _ := issue(t, a, api, hallpass.RepositoryRead)
		store.write = func(ctx context.Context, changes ...hallpass.Change) error {
			store.write = nil
			f(token.ID)
			return inner.Write(ctx, changes...)
		}
		return token, collect(b.Reseal(t.Context()))[token.ID]
	}
	token, err := interfere(func(id hallpass.ID) { require.NoError(t, a.Revoke(t.Context(), acme, id)) })
	assert.NoError(t, err)
	r, err := inner.Get(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Zero(t, r.Verifier, "a tombstone stays one")
	_, err = interfere(func(id hallpass.ID) { edit(t, inner, id, func(r *hallpass.Record) { r.Seal[0]++; r.Extra = "x" }) })
	assert.Equal(t, hallpass.ErrTampered, err)
	_, err = interfere(func(id hallpass.ID) {
		edit(t, inner, id, func(r *hallpass.Record) { r.Extra, r.Seal[0] = "x", r.Seal[0]+1 })
		require.NoError(t, a.Revoke(t.Context(), acme, id))
	})
	assert.NoError(t, err)
	_, err = interfere(func(id hallpass.ID) {
		edit(t, inner, id, func(r *hallpass.Record) { r.Seal[0]++ })
		store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { panic("store") }
	})
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)

	store.get, store.write = nil, func(context.Context, ...hallpass.Change) error { return errors.New("read-only") }
	token, _ = issue(t, a, api, hallpass.RepositoryRead)
	assert.ErrorIs(t, collect(b.Reseal(t.Context()))[token.ID], hallpass.ErrUnavailable)
}

// Somebody writes before Reseal does, and then the row is gone.
func TestAResealThatLosesAndThenFindsNothingIsUnavailable(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	before := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	token, _ := issue(t, before, api, hallpass.RepositoryRead)
	store := &hooked{
		Store: inner,
		write: func(context.Context, ...hallpass.Change) error { return hallpass.ErrConflict },
		get:   func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, hallpass.ErrNotFound },
	}
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	assert.ErrorIs(t, collect(a.Reseal(t.Context()))[token.ID], hallpass.ErrUnavailable)
}

// A probe reads a sample, however many records there are, and some tampered ones among good ones do not take the service down.
func TestCheckReadsASampleAndToleratesSomeTampered(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	edit(t, inner, token.ID, func(r *hallpass.Record) { r.Extra = "x" })
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	assert.NoError(t, a.Check(t.Context()), "what was tampered with and ended says nothing of the realm")
	for i := range 200 {
		token, _ := issue(t, a, api, hallpass.RepositoryRead)
		if i%2 == 0 {
			edit(t, inner, token.ID, func(r *hallpass.Record) { r.Extra = "x" })
		}
	}
	read := 0
	store.list = func(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		return func(yield func(*hallpass.Record, error) bool) {
			for r, err := range inner.List(ctx, q) {
				if read++; !yield(r, err) {
					return
				}
			}
		}
	}
	assert.NoError(t, a.Check(t.Context()))
	assert.LessOrEqual(t, read, 64)
}

// Reseal was stopped, and then the old key was dropped: the first records are under the new key, those after them are not.
func TestCheckLooksBeyondTheFirstRecords(t *testing.T) {
	store, old, fresh := memstore.New(), hallpass.GenerateKey(), hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, old)})
	for range 400 {
		issue(t, a, api, hallpass.RepositoryRead)
	}
	moved := 0
	for range hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, fresh, old)}).Reseal(t.Context()) {
		if moved++; moved == 40 {
			break
		}
	}
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, fresh)})
	seen := false
	for range 20 { // one sample misses them once in some 40 times
		seen = seen || errors.Is(b.Check(t.Context()), hallpass.ErrUnavailable)
	}
	assert.True(t, seen)
}

func TestTheLimitOfAListCountsWhatIsShown(t *testing.T) {
	a := hallpasstest.New(t)
	for range 6 {
		issue(t, a, api, hallpass.RepositoryRead)
	}
	all, _ := list(t, a, acme, hallpass.ListOptions{})
	for _, token := range all[:3] {
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	}
	for limit := 1; limit < 4; limit++ {
		shown, _ := list(t, a, acme, hallpass.ListOptions{Limit: limit})
		assert.Equal(t, all[3:3+limit], shown)
	}
}
