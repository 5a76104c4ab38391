package hallpass_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// A counting store counts what is written of uses.
type counting struct {
	*memstore.Store
	writes, uses int
	fail         func() error
}

func (s *counting) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	if s.fail != nil {
		return s.fail()
	}
	s.writes, s.uses = s.writes+1, s.uses+len(uses)
	return s.Store.RecordUses(ctx, uses)
}

func (s *counting) LastUses(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
	if s.fail != nil {
		return []hallpass.Use{{ID: ids[0]}}, s.fail()
	}
	return s.Store.LastUses(ctx, ids)
}

func TestLastUsedIsWrittenAtMostOnceAMinuteForEachToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), &counting{Store: memstore.New()}
		a := hallpasstest.With(t, hallpass.Config{Store: store})
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		unused, _ := issue(t, a, api, hallpass.RepositoryRead)
		use := func() {
			t.Helper()
			_, err := a.Authorize(ctx, text, api, hallpass.RepositoryRead)
			require.NoError(t, err)
		}
		last := func() time.Time {
			t.Helper()
			require.NoError(t, a.FlushUses(ctx))
			times, err := a.LastUsed(ctx, token.ID, unused.ID, "nobody")
			require.NoError(t, err)
			assert.NotContains(t, times, unused.ID)
			return times[token.ID]
		}
		start := time.Now().UTC()
		assert.Zero(t, last())
		assert.Zero(t, store.writes, "nothing was used, nothing is written")
		for range 100 {
			use()
		}
		assert.Equal(t, start, last())
		assert.Equal(t, 1, store.uses)
		time.Sleep(59 * time.Second)
		use()
		assert.Equal(t, start, last(), "within a minute")
		assert.Equal(t, 1, store.uses)
		time.Sleep(time.Second)
		assert.Equal(t, start.Add(59*time.Second), last(), "written a second later, as of when it was used")
		assert.Equal(t, 2, store.uses)
		time.Sleep(time.Hour)
		assert.Equal(t, start.Add(59*time.Second), last())
		assert.Equal(t, 2, store.uses)
		use()
		assert.Equal(t, start.Add(time.Hour+time.Minute), last())
	})
}

func TestARefusedTokenIsNotUsed(t *testing.T) {
	a := hallpasstest.New(t)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authenticate(t.Context(), withChecksum(text[:50]+"00000000"))
	require.Error(t, err)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	_, err = a.Authenticate(t.Context(), text)
	require.Error(t, err)
	require.NoError(t, a.FlushUses(t.Context()))
	times, err := a.LastUsed(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Empty(t, times)
}

func TestAFailedFlushLosesNothing(t *testing.T) {
	store := &counting{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	for _, fail := range []func() error{func() error { return errors.New("disk full") }, func() error { panic("store") }} {
		store.fail = fail
		assert.ErrorIs(t, a.FlushUses(t.Context()), hallpass.ErrUnavailable)
		times, err := a.LastUsed(t.Context(), token.ID)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.Nil(t, times)
	}
	store.fail = nil
	require.NoError(t, a.FlushUses(t.Context()))
	times, err := a.LastUsed(t.Context(), token.ID)
	require.NoError(t, err)
	assert.Len(t, times, 1)
}

func TestAStoreWithoutUsesSaysSo(t *testing.T) {
	a := hallpasstest.With(t, hallpass.Config{Store: &hooked{Store: memstore.New()}})
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	assert.ErrorIs(t, a.FlushUses(t.Context()), errors.ErrUnsupported)
	_, err = a.LastUsed(t.Context(), "x")
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

// A checkless store has as many tokens as are asked for. Nothing of this is kept for longer than it takes to write it.
func TestUsesAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("this issues 65,600 tokens")
	}
	store := &counting{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	const n = 1<<16 + 64
	for i := range n {
		_, text := issue(t, a, hallpass.Repository("acme", fmt.Sprint(i)), hallpass.RepositoryRead)
		_, err := a.Authenticate(t.Context(), text)
		require.NoError(t, err)
	}
	require.NoError(t, a.FlushUses(t.Context()))
	assert.Equal(t, 1<<16, store.uses, "what is more is dropped")
	require.NoError(t, a.FlushUses(t.Context()))
	assert.Equal(t, 1<<16, store.uses)
}

// A token that is used while the uses are written is not forgotten.
func TestAUseDuringAFlushIsKeptForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memstore.New()}
		a := hallpasstest.With(t, hallpass.Config{Store: store})
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		use := func() error { _, err := a.Authenticate(t.Context(), text); return err }
		require.NoError(t, use())
		store.fail = use // which does not fail
		require.NoError(t, a.FlushUses(t.Context()))
		store.fail = nil
		time.Sleep(time.Minute)
		require.NoError(t, a.FlushUses(t.Context()))
		assert.Equal(t, 1, store.uses)
		times, err := a.LastUsed(t.Context(), token.ID)
		require.NoError(t, err)
		assert.Contains(t, times, token.ID)
	})
}

// A recorder keeps the uses that were written last.
type recorder struct {
	*memstore.Store
	uses []hallpass.Use
}

func (s *recorder) RecordUses(_ context.Context, uses []hallpass.Use) error {
	s.uses = uses
	return nil
}

// In one order, so that two processes that write the same rows do not wait for one another in a circle.
func TestUsesAreWrittenInTheOrderOfTheirIDs(t *testing.T) {
	store := &recorder{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	for range 50 {
		_, text := issue(t, a, api, hallpass.RepositoryRead)
		_, err := a.Authenticate(t.Context(), text)
		require.NoError(t, err)
	}
	require.NoError(t, a.FlushUses(t.Context()))
	require.Len(t, store.uses, 50)
	assert.True(t, slices.IsSortedFunc(store.uses, func(a, b hallpass.Use) int { return cmp.Compare(a.ID, b.ID) }))
}

// Many tokens are checked for the first time at once, and flushed all the while: with -race, this is silent.
func TestManyTokensAreUsedAtOnce(t *testing.T) {
	a := hallpasstest.New(t)
	var wg sync.WaitGroup
	for range 8 {
		var texts []string
		for range 200 {
			_, text := issue(t, a, api, hallpass.RepositoryRead)
			texts = append(texts, text)
		}
		wg.Go(func() {
			for _, text := range texts {
				if _, err := a.Authenticate(t.Context(), text); err != nil {
					t.Error(err)
				}
				if err := a.FlushUses(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// The minute counts from when it was written, not from when it was used.
func TestTheMinuteBetweenTwoWritesOfAUseCountsFromTheWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memstore.New()}
		a := hallpasstest.With(t, hallpass.Config{Store: store})
		_, text := issue(t, a, api, hallpass.RepositoryRead)
		for _, step := range []struct {
			after time.Duration
			use   bool
			want  int
		}{
			{0, true, 1}, {10 * time.Second, true, 1}, {50 * time.Second, false, 2}, {15 * time.Second, true, 2}, {45 * time.Second, false, 3},
		} {
			time.Sleep(step.after)
			if step.use {
				_, err := a.Authenticate(t.Context(), text)
				require.NoError(t, err)
			}
			require.NoError(t, a.FlushUses(t.Context()))
			assert.Equal(t, step.want, store.uses, "%+v", step)
		}
	})
}

func TestATokenWhoseLifeEndedIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := hallpasstest.New(t)
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(time.Second)
		token, secret, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = a.Authenticate(t.Context(), secret.Reveal())
		require.Equal(t, hallpass.ErrUnauthenticated, err)
		require.NoError(t, a.FlushUses(t.Context()))
		times, err := a.LastUsed(t.Context(), token.ID)
		require.NoError(t, err)
		assert.Empty(t, times)
	})
}
