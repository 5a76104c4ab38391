package cachestore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/cachestore"
	"github.com/hallpass-go/hallpass/memstore"
	"github.com/hallpass-go/hallpass/storetest"
)

const bound = 10 * time.Second

func TestACacheKeepsTheContractOfAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hallpass.Store {
		s, err := cachestore.New(memstore.New(), cachestore.Config{MaxStale: time.Second})
		require.NoError(t, err)
		return s
	})
}

func TestWhatIsReadIsNotReadAgain(t *testing.T) {
	r := newReplicas(t, bound)
	_, secret := r.issue(t)
	for range 100 {
		require.NoError(t, r.allows(secret))
	}
	assert.EqualValues(t, 1, r.db.reads.Load())
}

// The promise: however often it is asked, and whatever was read ahead, nothing older than MaxStale is an answer.
func TestARevocationElsewhereIsSeenWithinTheBound(t *testing.T) {
	for _, every := range []time.Duration{time.Millisecond, 100 * time.Millisecond, time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := newReplicas(t, bound)
			token, secret := r.issue(t)
			for start := time.Now(); time.Since(start) < 3*bound; time.Sleep(every) {
				require.NoError(t, r.allows(secret))
			}
			require.NoError(t, r.another.Revoke(t.Context(), api, token.ID))
			revoked := time.Now()
			for r.allows(secret) == nil {
				require.LessOrEqual(t, time.Since(revoked), bound)
				time.Sleep(every)
			}
		})
	}
}

// A hit does not make what is kept any younger: the database is slow and then gone, so that nothing is read ahead.
func TestAHitExtendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		require.NoError(t, r.allows(secret))
		read := time.Now()
		r.db.fail(errors.New("connection refused"))
		for time.Since(read) <= bound {
			require.NoError(t, r.allows(secret))
			time.Sleep(100 * time.Millisecond)
		}
		err := r.allows(secret)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, "neither yes nor no")
		assert.NotErrorIs(t, err, hallpass.ErrUnauthenticated)
		r.db.fail(nil)
		assert.NoError(t, r.allows(secret), "it recovers by itself")
	})
}

// What a read found is as old as its beginning.
func TestARecordIsAsOldAsTheBeginningOfItsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		token, secret := r.issue(t)
		release := r.db.hold()
		done := make(chan error, 1)
		go func() { done <- r.allows(secret) }()
		<-r.db.inRead
		require.NoError(t, r.another.Revoke(t.Context(), api, token.ID))
		time.Sleep(4 * time.Second)
		release()
		require.NoError(t, <-done, "it began before the revocation")
		time.Sleep(bound - 4*time.Second + time.Millisecond)
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)
	})
}

// The decisive one: a read that found the token live is under way when this process revokes it.
func TestAReadThatIsUnderWayDoesNotUndoARevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		token, secret := r.issue(t)
		release := r.db.hold()
		done := make(chan error, 1)
		go func() { done <- r.allows(secret) }()
		<-r.db.inRead
		// Revoke reads too: in the store itself, so that it need not wait.
		record, err := r.db.Store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		require.NoError(t, r.another.Revoke(t.Context(), api, token.ID))
		ended, err := r.db.Store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		require.Error(t, r.cache.Write(t.Context(), hallpass.Change{Old: record, New: ended}), "a conflict: what it knew was old")
		release()
		<-done
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)
	})
}

func TestARevocationHereIsSeenAtOnce(t *testing.T) {
	r := newReplicas(t, bound)
	token, secret := r.issue(t)
	require.NoError(t, r.allows(secret))
	require.NoError(t, r.cached.Revoke(t.Context(), api, token.ID))
	assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)
}

// What is kept may be older than what is stored. Who writes finds out, and reads again.
func TestAWriteOnWhatIsOldIsDoneOnWhatIsThere(t *testing.T) {
	r := newReplicas(t, bound)
	token, secret := r.issue(t)
	require.NoError(t, r.allows(secret))
	_, _, err := r.another.Rotate(t.Context(), api, token.ID, time.Hour)
	require.NoError(t, err)
	require.NoError(t, r.cached.Revoke(t.Context(), api, token.ID))
	_, err = r.another.Authenticate(t.Context(), secret)
	assert.ErrorIs(t, err, hallpass.ErrUnauthenticated)
}

func TestWhatIsNotThereAndWhatFailsIsNotKept(t *testing.T) {
	r := newReplicas(t, bound)
	_, secret := r.issue(t)
	other := newReplicas(t, bound) // whose tokens are unknown here
	_, unknown := other.issue(t)
	for range 3 {
		assert.ErrorIs(t, r.allows(unknown), hallpass.ErrUnauthenticated)
	}
	assert.EqualValues(t, 3, r.db.reads.Load())
	r.db.fail(errors.New("connection refused"))
	assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnavailable)
	r.db.fail(nil)
	assert.NoError(t, r.allows(secret))
}

// A read that did not find the token is under way when it is issued. Who comes after that is told of the token all the same.
func TestATokenIsGoodAsSoonAsItIsIssued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		missing := memstore.New()
		full := r.db.Store
		r.db.Store = missing
		release := r.db.hold()
		done := make(chan error, 2)
		go func() { done <- r.allows(secret) }()
		<-r.db.inRead
		r.db.Store = full // now it is there
		go func() { done <- r.allows(secret) }()
		synctest.Wait()
		release()
		first, second := <-done, <-done
		if first == nil {
			first, second = second, first
		}
		assert.ErrorIs(t, first, hallpass.ErrUnauthenticated)
		assert.NoError(t, second)
	})
}

func TestAHerdCausesOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		release := r.db.hold()
		var herd sync.WaitGroup
		for range 1000 {
			herd.Go(func() { assert.NoError(t, r.allows(secret)) })
		}
		synctest.Wait()
		release()
		herd.Wait()
		assert.EqualValues(t, 1, r.db.reads.Load())
	})
}

func TestWhoGoesAwayTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		release := r.db.hold()
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := r.cached.Authorize(ctx, secret, api, hallpass.RepositoryRead)
			first <- err
		}()
		<-r.db.inRead
		second := make(chan error, 1)
		go func() { second <- r.allows(secret) }()
		synctest.Wait()
		cancel()
		assert.ErrorIs(t, <-first, context.Canceled)
		synctest.Wait()
		release()
		assert.NoError(t, <-second)
	})
}

// What is in use is read again before it is too old, so that no request waits for it.
func TestWhatIsInUseIsReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		require.NoError(t, r.allows(secret))
		for range 100 * int(bound/time.Second) {
			before := time.Now()
			require.NoError(t, r.allows(secret))
			require.Zero(t, time.Since(before))
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		reads := r.db.reads.Load()
		assert.Greater(t, reads, int64(1))
		assert.LessOrEqual(t, reads, int64(3), "once in half of the bound at most")
	})
}

// A read ahead that is under way when the token is revoked here does not bring it back.
func TestAReadAheadDoesNotUndoARevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		token, secret := r.issue(t)
		require.NoError(t, r.allows(secret))
		time.Sleep(bound * 9 / 10)
		release := r.db.hold()
		require.NoError(t, r.allows(secret))
		<-r.db.inRead // it has read the live record
		record, err := r.db.Store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		require.NoError(t, r.another.Revoke(t.Context(), api, token.ID))
		require.Error(t, r.cache.Write(t.Context(), hallpass.Change{Old: record, New: record}))
		r.db.hurry()
		require.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)
		release() // and now it has something to replace
		synctest.Wait()
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)
	})
}

func TestWhatIsReadAheadIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		require.NoError(t, r.allows(secret))
		time.Sleep(bound * 9 / 10)
		release := r.db.hold()
		for range 100 {
			require.NoError(t, r.allows(secret))
		}
		synctest.Wait()
		assert.EqualValues(t, 2, r.db.reads.Load())
		release()
	})
}

// A write may have been done long before it returns.
func TestAWriteThatHangsDoesNotKeepTheOldAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		token, secret := r.issue(t)
		require.NoError(t, r.allows(secret))
		hanging := &slow{Store: r.db.Store, before: make(chan struct{}), done: make(chan struct{}), after: make(chan struct{})}
		r.db.Store = hanging
		revoked := make(chan error, 1)
		go func() { revoked <- r.cached.Revoke(t.Context(), api, token.ID) }()
		synctest.Wait()
		// It is not done yet. Who asks now has the record read and kept again.
		require.NoError(t, r.allows(secret))
		require.NoError(t, r.allows(secret))
		close(hanging.before)
		<-hanging.done
		close(hanging.after)
		require.NoError(t, <-revoked)
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated)

		token, secret = r.issue(t)
		require.NoError(t, r.allows(secret))
		hanging.done, hanging.after = make(chan struct{}), make(chan struct{})
		go func() { revoked <- r.cached.Revoke(t.Context(), api, token.ID) }()
		<-hanging.done
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnauthenticated, "it is done, and what was kept before it is gone")
		close(hanging.after)
		require.NoError(t, <-revoked)
	})
}

// slow is a store whose writes wait before and after they are done.
type slow struct {
	hallpass.Store
	before, done, after chan struct{}
}

func (s *slow) Write(ctx context.Context, changes ...hallpass.Change) error {
	<-s.before
	err := s.Store.Write(ctx, changes...)
	if changes[0].Old != nil {
		close(s.done)
		<-s.after
	}
	return err
}

func TestAContextThatIsDoneIsAnErrorAndItsAnswerIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		token, secret := r.issue(t)
		r.db.deaf = true
		release := r.db.hold()
		time.AfterFunc(6*time.Second, release)
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnavailable)
		require.NoError(t, r.allows(secret))
		assert.EqualValues(t, 2, r.db.reads.Load())

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.cache.Get(ctx, token.ID)
		assert.ErrorIs(t, err, context.Canceled, "also of what is kept")
	})
}

func TestNoMoreIsKeptThanSize(t *testing.T) {
	r := newReplicas(t, bound)
	cache, err := cachestore.New(r.db, cachestore.Config{MaxStale: bound, Size: 10})
	require.NoError(t, err)
	var tokens []hallpass.ID
	for range 500 {
		token, _ := r.issue(t)
		tokens = append(tokens, token.ID)
	}
	for range 2 {
		for _, id := range tokens {
			_, err := cache.Get(t.Context(), id)
			require.NoError(t, err)
		}
	}
	assert.Greater(t, r.db.reads.Load(), int64(900))
}

func TestADatabaseThatHangsIsUnavailableInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, bound)
		_, secret := r.issue(t)
		release := r.db.hold()
		began := time.Now()
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnavailable)
		assert.Equal(t, 5*time.Second, time.Since(began))
		release()
		assert.NoError(t, r.allows(secret))
	})
}

func TestAnotherRecordThanWasAskedForIsNotKept(t *testing.T) {
	r := newReplicas(t, bound)
	one, _ := r.issue(t)
	_, secret := r.issue(t)
	record, err := r.db.Store.Get(t.Context(), one.ID)
	require.NoError(t, err)
	sound := r.db.Store
	for _, answer := range []*hallpass.Record{nil, record} {
		r.db.Store = wrong{sound, answer}
		assert.ErrorIs(t, r.allows(secret), hallpass.ErrUnavailable)
	}
	r.db.Store = sound
	assert.NoError(t, r.allows(secret))
}

// wrong is a store that answers another record.
type wrong struct {
	hallpass.Store
	record *hallpass.Record
}

func (w wrong) Get(context.Context, hallpass.ID) (*hallpass.Record, error) { return w.record, nil }

func TestAConfigThatPromisesNothingIsRefused(t *testing.T) {
	for _, cfg := range []cachestore.Config{
		{}, {MaxStale: -1}, {MaxStale: time.Minute + 1}, {MaxStale: time.Second, Size: -1}, {MaxStale: time.Second, Timeout: -1},
	} {
		_, err := cachestore.New(memstore.New(), cfg)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, "%+v", cfg)
	}
	_, err := cachestore.New(memstore.New(), cachestore.Config{MaxStale: time.Second, Size: -1})
	assert.ErrorContains(t, err, "Size is -1; it is 0 for 100,000, or more")
	_, err = cachestore.New(nil, cachestore.Config{MaxStale: time.Second})
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	_, err = cachestore.New(memstore.New(), cachestore.Config{MaxStale: time.Minute})
	assert.NoError(t, err)
}
