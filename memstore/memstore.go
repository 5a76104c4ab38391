// Package memstore keeps tokens in memory: for tests, for tools, and for services that load their tokens at the start. What it
// keeps is gone when the process ends.
package memstore

import (
	"context"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/internal/idmap"
)

// A Store is a [hallpass.Store] and a [hallpass.UseStore] in memory. It is made by [New] and safe for concurrent use. Get takes
// no lock. A token costs some 450 bytes in two heap objects, more where its texts are long.
type Store struct {
	records *idmap.Map[hallpass.Record] // written under mu

	mu    sync.RWMutex
	order order
	texts texts
	uses  map[hallpass.ID]time.Time
}

// New returns an empty Store.
func New() *Store {
	return &Store{
		records: idmap.New(func(r *hallpass.Record) string { return string(r.Token.ID) }),
		texts:   texts{},
		uses:    map[hallpass.ID]time.Time{},
	}
}

// Get returns the record with this ID, or [hallpass.ErrNotFound].
func (s *Store) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r := s.records.Get(string(id)); r != nil {
		return r, nil
	}
	return nil, hallpass.ErrNotFound
}

// Write makes all changes or none. Its errors are those of [hallpass.Store].
func (s *Store) Write(ctx context.Context, changes ...hallpass.Change) error {
	if err := hallpass.CheckChanges(changes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, c := range changes {
		stored := s.records.Get(string(c.New.Token.ID))
		switch {
		case c.Old == nil && stored != nil:
			return hallpass.ErrExists
		case c.Old != nil && stored == nil:
			return hallpass.ErrNotFound
		case c.Old != nil && stored.Seal != c.Old.Seal:
			return hallpass.ErrConflict
		}
	}
	for _, c := range changes {
		r := s.texts.pack(c.New)
		s.records.Put(r)
		s.order.put(r)
	}
	return nil
}

// listed is how many records List looks at under the lock at a time.
const listed = 256

// List yields what q matches, in the order of IDs. No lock is held while it yields.
func (s *Store) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return func(yield func(*hallpass.Record, error) bool) {
		q, n := q, 0
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			s.mu.RLock()
			page := s.order.after(q.After, listed)
			s.mu.RUnlock()
			for _, r := range page {
				if q.Matches(r) {
					if n++; !yield(r, nil) || n == q.Limit {
						return
					}
				}
			}
			if len(page) < listed {
				return
			}
			q.After = page[len(page)-1].Token.ID
		}
	}
}

// RecordUses notes that these tokens were used.
func (s *Store) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, u := range uses {
		if at := micros(u.At); at.After(s.uses[u.ID]) {
			s.uses[hallpass.ID(strings.Clone(string(u.ID)))] = at
		}
	}
	return nil
}

// LastUses returns what it has of these tokens.
func (s *Store) LastUses(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var uses []hallpass.Use
	for _, id := range ids {
		if at, ok := s.uses[id]; ok {
			uses = append(uses, hallpass.Use{ID: id, At: at})
		}
	}
	return uses, nil
}
