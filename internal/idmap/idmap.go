// Package idmap has a map from IDs to values for data that is read on every request and written now and then.
package idmap

import (
	"hash/maphash"
	"sync/atomic"
)

// A Map finds values by their IDs. Get takes no lock and writes nothing, so that readers on different cores do not slow one
// another down; Put and Clear are for one goroutine at a time. A value is never removed but by Clear, which
// is what makes probing without a lock right: a chain of slots never gets a gap. It costs 21 to 43 bytes a value.
type Map[T any] struct {
	id    func(*T) string
	seed  maphash.Seed
	slots atomic.Pointer[[]slot[T]] // open addressing; a power of two, at most three quarters full
	count int
}

// A slot is empty for as long as v is nil. Its hash is written before v is for the first time, and never again.
type slot[T any] struct {
	v    atomic.Pointer[T]
	hash uint64
}

const smallest = 16

// New returns an empty map of values that have the ID that id returns, which is always the same for the same value.
func New[T any](id func(*T) string) *Map[T] {
	m := &Map[T]{id: id, seed: maphash.MakeSeed()}
	m.Clear()
	return m
}

// Get returns the value with this ID, or nil. It does not retain id.
func (m *Map[T]) Get(id string) *T {
	_, v := m.find(*m.slots.Load(), maphash.String(m.seed, id), id)
	return v
}

// find returns the slot in which the value with this ID is or would be. The hash spares it a look at the values of others.
func (m *Map[T]) find(slots []slot[T], hash uint64, id string) (*slot[T], *T) {
	for i := hash; ; i++ {
		s := &slots[i&uint64(len(slots)-1)]
		if v := s.v.Load(); v == nil || s.hash == hash && m.id(v) == id {
			return s, v
		}
	}
}

// Put adds v, or puts it in the place of the value with the same ID.
func (m *Map[T]) Put(v *T) {
	id := m.id(v)
	hash := maphash.String(m.seed, id)
	s, old := m.find(*m.slots.Load(), hash, id)
	if old != nil {
		s.v.Store(v)
		return
	}
	m.count++
	if m.count > len(*m.slots.Load())/4*3 {
		s, _ = m.find(m.grow(), hash, id)
	}
	s.fill(hash, v)
}

func (s *slot[T]) fill(hash uint64, v *T) {
	s.hash = hash
	s.v.Store(v)
}

// grow publishes a table of twice the size. A Get that still reads the old one began before the Put that grows it ends, and
// may miss what that Put adds.
func (m *Map[T]) grow() []slot[T] {
	old := *m.slots.Load()
	larger := make([]slot[T], 2*len(old))
	for i := range old {
		if v := old[i].v.Load(); v != nil {
			s, _ := m.find(larger, old[i].hash, m.id(v))
			s.fill(old[i].hash, v)
		}
	}
	m.slots.Store(&larger)
	return larger
}

// Len returns how many values there are. It is for the goroutine that calls Put.
func (m *Map[T]) Len() int { return m.count }

// Clear removes all values.
func (m *Map[T]) Clear() {
	slots := make([]slot[T], smallest)
	m.slots.Store(&slots)
	m.count = 0
}
