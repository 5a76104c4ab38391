// Package cachestore is a [hallpass.Store] in front of another, for services of many replicas: it answers from memory what was read
// before, and promises how old an answer can be. A token that was revoked anywhere is refused everywhere no later than [Config.MaxStale] after that.
//
//	cache, err := cachestore.New(store, cachestore.Config{MaxStale: 5 * time.Second})
//	passes, err := hallpass.New(hallpass.Config{Store: cache, Keys: keys})
//
// What it keeps are records, as the store gave them: never a decision, never a secret. The Authority checks the seal of each as it does of
// any other, so that nothing can be slipped into the cache that could not be slipped into the database. It keeps no miss and no error:
// a flood of made-up tokens costs a query each and leaves nothing behind, and a token that was just issued is good at once.
package cachestore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/hallpass-go/hallpass"
)

// Config says how old and how many.
type Config struct {
	// MaxStale is how long after a revocation elsewhere a token may still be allowed here. Required: more than nothing, at most a minute.
	// It holds whatever the network, the database or the clock of this machine do: what is older is read again, and where it cannot be read,
	// nothing is allowed.
	MaxStale time.Duration

	// Size is how many records are kept; 0: 100,000. The least used go first.
	Size int

	// Timeout is how long a read of the store may take, whatever the request that began it has time for; 0: 5 seconds.
	Timeout time.Duration
}

// A Store is a cache in front of another store. It is made by [New], needs no closing, and is safe for concurrent use. A goroutine that reads
// a record again before it is too old ends within Config.Timeout; there is no other.
type Store struct {
	under hallpass.Store
	cfg   Config
	clock *clock
	cache *otter.Cache[hallpass.ID, *entry]
}

// New returns a cache in front of a store, without any I/O. Its errors wrap [hallpass.ErrInvalid].
func New(s hallpass.Store, cfg Config) (*Store, error) {
	switch {
	case s == nil:
		return nil, invalidf("a nil store; the cache stands in front of another")
	case cfg.MaxStale <= 0 || cfg.MaxStale > time.Minute:
		return nil, invalidf("MaxStale is %v; it is more than 0 and at most a minute", cfg.MaxStale)
	case cfg.Size < 0:
		return nil, invalidf("Size is %d; it is 0 for 100,000, or more", cfg.Size)
	case cfg.Timeout < 0:
		return nil, invalidf("Timeout is %v; it is 0 for 5 seconds, or more", cfg.Timeout)
	}
	if cfg.Size == 0 {
		cfg.Size = 100_000
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	cache, err := otter.New(&otter.Options[hallpass.ID, *entry]{MaximumSize: cfg.Size})
	if err != nil {
		return nil, invalidf("%v", err)
	}
	return &Store{under: s, cfg: cfg, clock: newClock(clocks()), cache: cache}, nil
}

// Get returns the record with this ID, as it was no longer than MaxStale before the call, or [hallpass.ErrNotFound] as it is now.
func (s *Store) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := s.clock.now()
	if e, ok := s.cache.GetIfPresent(id); ok {
		if age := e.age(now); age <= s.cfg.MaxStale {
			s.ahead(e, age)
			return &e.record, nil
		}
	}
	return s.load(ctx, id, now)
}

// Write writes to the store under the cache. What it changes is dropped before and after, whatever comes of it, so that no check of this
// process that begins after Write has returned sees what was before.
func (s *Store) Write(ctx context.Context, changes ...hallpass.Change) error {
	s.forget(changes)
	defer s.forget(changes)
	return s.under.Write(ctx, changes...)
}

// forget drops what is to be changed. A read that is under way is not kept when it ends.
func (s *Store) forget(changes []hallpass.Change) {
	for _, c := range changes {
		if c.New != nil {
			s.cache.Invalidate(c.New.Token.ID)
		}
	}
}

// List lists what the store under the cache has now.
func (s *Store) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return s.under.List(ctx, q)
}

// RecordUses notes uses in the store under the cache, if that keeps them.
func (s *Store) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	if u, ok := s.under.(hallpass.UseStore); ok {
		return u.RecordUses(ctx, uses)
	}
	return ctx.Err()
}

// LastUses returns what the store under the cache has of these tokens: nothing, if it keeps no uses.
func (s *Store) LastUses(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
	if u, ok := s.under.(hallpass.UseStore); ok {
		return u.LastUses(ctx, ids)
	}
	return nil, ctx.Err()
}

// Check reports whether the store under the cache is fit, if it can tell.
func (s *Store) Check(ctx context.Context) error {
	if c, ok := s.under.(interface{ Check(context.Context) error }); ok {
		return c.Check(ctx)
	}
	return ctx.Err()
}

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: cachestore: "+format, append([]any{hallpass.ErrInvalid}, args...)...)
}
