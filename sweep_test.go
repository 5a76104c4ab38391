package hallpass_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// A swept store has 700 records under an old key, of which some were edited, ended, and put under a key that nobody knows.
type swept struct {
	store            hallpass.Store
	old, fresh       *hallpass.Authority
	edited, stranger hallpass.ID
	ended            hallpass.ID
	oldKey           []byte
}

func newSwept(t *testing.T) *swept {
	t.Helper()
	oldKey, freshKey := hallpass.GenerateKey(), hallpass.GenerateKey()
	s := &swept{store: memstore.New(), oldKey: oldKey}
	s.old = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, oldKey)})
	s.fresh = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, freshKey, oldKey)})
	var ids []hallpass.ID
	for range 699 {
		token, _ := issue(t, s.old, api, hallpass.RepositoryRead)
		ids = append(ids, token.ID)
	}
	s.edited, s.ended = ids[0], ids[1]
	edit(t, s.store, s.edited, func(r *hallpass.Record) { r.ScopeText = "repository:admin" })
	edit(t, s.store, s.ended, func(r *hallpass.Record) { r.ScopeText = "repository:admin" })
	require.NoError(t, s.old.Revoke(t.Context(), acme, s.ended))
	token, _ := issue(t, hallpasstest.With(t, hallpass.Config{Store: s.store}), api, hallpass.RepositoryRead)
	s.stranger = token.ID
	return s
}

// sweep returns the last progress of a sweep, with all that it found, and its error.
func sweep(ctx context.Context, a *hallpass.Authority, opts hallpass.SweepOptions) (last hallpass.Progress, bad map[hallpass.ID]error, pages int, err error) {
	bad = map[hallpass.ID]error{}
	for last, err = range a.Sweep(ctx, opts) {
		for _, f := range last.Bad {
			bad[f.ID] = f.Err
		}
		pages++
	}
	return last, bad, pages, err
}

func TestASweepCountsWhatNeedsAnOlderKey(t *testing.T) {
	s := newSwept(t)
	for range 2 {
		last, bad, pages, err := sweep(t.Context(), s.fresh, hallpass.SweepOptions{})
		require.NoError(t, err)
		assert.Equal(t, []int{700, 697, 0, 7}, []int{last.Records, last.Outdated, last.Resealed, pages}, "nothing is changed")
		assert.Len(t, bad, 2)
		assert.Equal(t, hallpass.ErrTampered, bad[s.edited])
		assert.ErrorIs(t, bad[s.stranger], hallpass.ErrUnavailable)
	}
	last, bad, _, err := sweep(t.Context(), s.fresh, hallpass.SweepOptions{Reseal: true})
	require.NoError(t, err)
	assert.Equal(t, []int{700, 0, 697}, []int{last.Records, last.Outdated, last.Resealed})
	assert.Len(t, bad, 2)
	last, _, _, err = sweep(t.Context(), s.fresh, hallpass.SweepOptions{Reseal: true})
	require.NoError(t, err)
	assert.Equal(t, []int{700, 0, 0}, []int{last.Records, last.Outdated, last.Resealed})
	last, _, _, err = sweep(t.Context(), s.old, hallpass.SweepOptions{})
	require.NoError(t, err)
	assert.Zero(t, last.Outdated, "what is under an unknown key is no older key's")
}

func TestASweepOfNothingFindsNothing(t *testing.T) {
	for range hallpasstest.New(t).Sweep(t.Context(), hallpass.SweepOptions{Reseal: true}) {
		assert.Fail(t, "there is nothing")
	}
}

func TestASweepGoesOnWhereItWasStopped(t *testing.T) {
	s := newSwept(t)
	var stopped hallpass.Progress
	for p, err := range s.fresh.Sweep(t.Context(), hallpass.SweepOptions{Reseal: true}) {
		require.NoError(t, err)
		stopped = p
		break
	}
	assert.Equal(t, 100, stopped.Records)
	rest, bad, pages, err := sweep(t.Context(), s.fresh, hallpass.SweepOptions{Reseal: true, After: stopped.Last})
	require.NoError(t, err)
	assert.Equal(t, 6, pages)
	assert.Equal(t, 600, rest.Records)
	assert.Equal(t, 697, stopped.Resealed+rest.Resealed)
	assert.Len(t, bad, 2-len(stopped.Bad))
	last, _, _, err := sweep(t.Context(), s.fresh, hallpass.SweepOptions{})
	require.NoError(t, err)
	assert.Zero(t, last.Outdated)
}

// What could not be moved since the store failed is not passed by when the sweep goes on.
func TestASweepThatFailsLosesNothing(t *testing.T) {
	s := newSwept(t)
	broken := errors.New("the disk is full")
	writes := 0
	failing := &hooked{Store: s.store, write: func(ctx context.Context, changes ...hallpass.Change) error {
		if writes++; writes%2 == 1 {
			return broken
		}
		return s.store.Write(ctx, changes...)
	}}
	a := hallpasstest.With(t, hallpass.Config{Store: failing, Keys: mustKeys(t, hallpass.GenerateKey(), s.oldKey)})
	opts := hallpass.SweepOptions{Reseal: true}
	records, resealed, errs := 0, 0, 0
	for {
		last, _, _, err := sweep(t.Context(), a, opts)
		records, resealed = records+last.Records, resealed+last.Resealed
		if opts.After = last.Last; err == nil {
			break
		}
		errs++
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorIs(t, err, broken)
	}
	assert.Equal(t, []int{7, 700, 697}, []int{errs, records, resealed})

	failing.list = func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		return func(yield func(*hallpass.Record, error) bool) { yield(nil, broken) }
	}
	last, _, pages, err := sweep(t.Context(), a, hallpass.SweepOptions{After: s.edited})
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, hallpass.Progress{Last: s.edited}, last)
	assert.Equal(t, 1, pages)
}

// A store may make one change at a time only, others may be faster, and a record may go away.
func TestASweepMovesOneByOneWhatCannotBeMovedAtOnce(t *testing.T) {
	s := newSwept(t)
	raced := false
	single := &hooked{Store: s.store, write: func(ctx context.Context, changes ...hallpass.Change) error {
		if len(changes) > 1 {
			return errors.ErrUnsupported
		}
		if id := changes[0].Old.Token.ID; !raced {
			raced = true
			require.NoError(t, s.old.Revoke(ctx, acme, id))
		}
		return s.store.Write(ctx, changes...)
	}}
	log := &log{}
	a := hallpasstest.With(t, hallpass.Config{Store: single, Keys: mustKeys(t, hallpass.GenerateKey(), s.oldKey), Observe: log.observe})
	last, bad, _, err := sweep(t.Context(), a, hallpass.SweepOptions{Reseal: true})
	require.NoError(t, err)
	assert.Equal(t, []int{700, 0, 697, 2}, []int{last.Records, last.Outdated, last.Resealed, len(bad)})
	assert.Len(t, log.take(), 697)
}

func TestASweepTellsOfEachRecordThatItMoves(t *testing.T) {
	s := newSwept(t)
	log := &log{}
	a := hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, hallpass.GenerateKey(), s.oldKey), Observe: log.observe})
	_, _, _, err := sweep(t.Context(), a, hallpass.SweepOptions{Reseal: true})
	require.NoError(t, err)
	events := log.take()
	require.Len(t, events, 697)
	for _, e := range events {
		assert.Equal(t, hallpass.Resealed, e.Kind)
		assert.NotEmpty(t, e.Token.ID)
	}
}

func TestASweepRefusesAnAfterThatIsNoID(t *testing.T) {
	last, _, pages, err := sweep(t.Context(), hallpasstest.New(t), hallpass.SweepOptions{After: "an ID"})
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	assert.Zero(t, last.Last)
	assert.Equal(t, 1, pages)
}
