package cachestore

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hallpass-go/hallpass"
)

// An entry is a record and when its read began: what it says was so then, or later. A hit never changes that.
type entry struct {
	record hallpass.Record
	read   atomic.Int64 // an instant, whose last bit says that somebody reads the record again already
}

func (e *entry) age(now instant) time.Duration { return time.Duration(now - instant(e.read.Load())) }

// load reads a record that is not kept, or is too old. However many want it, one reads.
func (s *Store) load(ctx context.Context, id hallpass.ID, now instant) (*hallpass.Record, error) {
	id = hallpass.ID(strings.Clone(string(id))) // which may share memory with a secret, and becomes a key
	for {
		mine := false
		e, err := s.cache.Get(ctx, id, otter.LoaderFunc[hallpass.ID, *entry](func(ctx context.Context, id hallpass.ID) (*entry, error) {
			mine = true
			return s.read(ctx, id)
		}))
		if err != nil && !mine {
			// What another read did not find may have been made since, and its error is its own.
			e, err = s.read(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		if e.age(now) <= s.cfg.MaxStale {
			return &e.record, nil
		}
		s.replace(id, e, nil)
	}
}

// read reads a record from the store under the cache.
func (s *Store) read(ctx context.Context, id hallpass.ID) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	began := s.clock.now()
	r, err := s.under.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what a store says then may be of anything
	}
	if r == nil || r.Token.ID != id {
		return nil, errAnother
	}
	e := &entry{record: *r}
	e.read.Store(int64(began) &^ 1)
	return e, nil
}

// replace puts e, or nothing if that is nil, in the place of old, if old is what is kept.
func (s *Store) replace(id hallpass.ID, old, e *entry) {
	s.cache.ComputeIfPresent(id, func(kept *entry) (*entry, otter.ComputeOp) {
		switch {
		case kept != old:
			return kept, otter.CancelOp
		case e == nil:
			return nil, otter.InvalidateOp
		}
		return e, otter.WriteOp
	})
}

// ahead reads a record that is in use again before it is too old, so that no request waits for it. That happens somewhere between half and three
// quarters of MaxStale, each time elsewhere, so that what was read at once is not read at once for ever.
func (s *Store) ahead(e *entry, age time.Duration) {
	read := e.read.Load()
	if age < s.cfg.MaxStale/2+s.cfg.MaxStale/4*time.Duration(uint64(read)/2*0x9E3779B97F4A7C15>>56)/256 {
		return
	}
	if read&1 == 1 || !e.read.CompareAndSwap(read, read|1) {
		return
	}
	go func() {
		id := e.record.Token.ID
		if again, err := s.read(context.Background(), id); err == nil {
			s.replace(id, e, again)
		}
	}()
}

var errAnother = errors.New("cachestore: the store answered another record than was asked for")
