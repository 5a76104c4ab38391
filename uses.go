package hallpass

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A uses collects which tokens were used, for the host to write now and then. A check neither reads the clock for it nor, but for
// the first use of a token since the last flush, takes a lock.
type uses struct {
	store UseStore
	epoch atomic.Uint64 // grows with each flush; starts at 1

	mu      sync.Mutex
	waiting map[ID]time.Time // used and not written; zero: since the last flush
	written map[ID]time.Time // within the last useInterval
}

const (
	useInterval = time.Minute // a token is written at most this often
	maxUses     = 1 << 16     // as many tokens are kept track of; what is more is dropped
)

func newUses(s UseStore) *uses {
	u := &uses{store: s, waiting: map[ID]time.Time{}, written: map[ID]time.Time{}}
	u.epoch.Store(1)
	return u
}

// mark notes that a token was used.
func (u *uses) mark(v *verdict) {
	if epoch := u.epoch.Load(); v.used.Load() != epoch {
		v.used.Store(epoch)
		u.mu.Lock()
		defer u.mu.Unlock()
		if len(u.waiting) < maxUses {
			u.waiting[v.record.Token.ID] = time.Time{}
		}
	}
}

// FlushUses writes when tokens were last used, as of now, to a store that is a [UseStore]. Call it on a ticker of the host's,
// say every minute, and before the host ends. A token is written at most once a minute. The times are a hint for
// people: no decision reads them, they may be late by the time between two calls, and what is lost in a crash, or is
// more than some 65,000 tokens at once, is lost without harm. The error wraps [ErrUnavailable], and nothing is lost by
// it; or it wraps [errors.ErrUnsupported] if the store keeps no uses.
func (a *Authority) FlushUses(ctx context.Context) error {
	u := a.uses
	if u == nil {
		return errNoUses
	}
	due, at := u.take()
	if len(due) == 0 {
		return nil
	}
	if err := guard(func() error { return u.store.RecordUses(ctx, due) }); err != nil {
		return err
	}
	u.settle(due, at)
	return nil
}

// take returns what is due.
func (u *uses) take() (due []Use, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.epoch.Add(1)
	at = now()
	maps.DeleteFunc(u.written, func(_ ID, t time.Time) bool { return at.Sub(t) >= useInterval })
	for id, t := range u.waiting {
		if t.IsZero() {
			t = at
			u.waiting[id] = at
		}
		if _, recently := u.written[id]; !recently {
			due = append(due, Use{id, t})
		}
	}
	slices.SortFunc(due, func(a, b Use) int { return cmp.Compare(a.ID, b.ID) })
	return due, at
}

// settle notes what was written at a time.
func (u *uses) settle(due []Use, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range due {
		if len(u.written) < maxUses {
			u.written[use.ID] = at
		}
		if u.waiting[use.ID].Equal(use.At) {
			delete(u.waiting, use.ID)
		}
	}
}

// LastUsed returns when these tokens were last used, as far as FlushUses wrote it, and nothing for those of which no use is
// known. The error wraps [ErrUnavailable], or [errors.ErrUnsupported] if the store keeps no uses.
func (a *Authority) LastUsed(ctx context.Context, ids ...ID) (map[ID]time.Time, error) {
	if a.uses == nil {
		return nil, errNoUses
	}
	last := make(map[ID]time.Time, len(ids))
	err := guard(func() error {
		known, err := a.uses.store.LastUses(ctx, ids)
		for _, u := range known {
			last[u.ID] = u.At
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return last, nil
}

var errNoUses = fmt.Errorf("hallpass: the store keeps no last-used times: %w", errors.ErrUnsupported)
