// Package idmap has a map from IDs to values for data that is read on every request and written now and then.
package idmap

import (
	"hash/maphash"
	"sync/atomic"
)

// A Map finds values by their IDs. Get takes no lock and writes nothing, so that readers on different cores do not slow one
// another down; Put and Clear are for one goroutine at a time. A value is never removed but by Clear, which
// is what makes probing without a lock right: a chain of slots never gets a gap. It costs 16 to 32 bytes a value.
type Map[T any] struct {
	id    func(*T) string
	seed  maphash.Seed
	slots atomic.Pointer[[]atomic.Pointer[T]] // open addressing; a power of two, at most half full
	count int
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
	_, v := m.find(*m.slots.Load(), id)
	return v
}

// find returns the slot in which the value with this ID is or would be.
func (m *Map[T]) find(slots []atomic.Pointer[T], id string) (*atomic.Pointer[T], *T) {
	for i := maphash.String(m.seed, id); ; i++ {
		slot := &slots[i&uint64(len(slots)-1)]
		if v := slot.Load(); v == nil || m.id(v) == id {
			return slot, v
		}
	}
}

// Put adds v, or puts it in the place of the value with the same ID.
func (m *Map[T]) Put(v *T) {
	slots := *m.slots.Load()
	slot, old := m.find(slots, m.id(v))
	if old == nil {
		m.count++
		if m.count > len(slots)/2 {
			slots = m.grow(slots)
			slot, _ = m.find(slots, m.id(v))
		}
	}
	slot.Store(v)
}

// grow publishes a table of twice the size. A Get that still reads the old one began before the Put that grows it ends, and
// may miss what that Put adds.
func (m *Map[T]) grow(slots []atomic.Pointer[T]) []atomic.Pointer[T] {
	larger := make([]atomic.Pointer[T], 2*len(slots))
	for i := range slots {
		if v := slots[i].Load(); v != nil {
			slot, _ := m.find(larger, m.id(v))
			slot.Store(v)
		}
	}
	m.slots.Store(&larger)
	return larger
}

// Len returns how many values there are. It is for the goroutine that calls Put.
func (m *Map[T]) Len() int { return m.count }

// Clear removes all values.
func (m *Map[T]) Clear() {
	slots := make([]atomic.Pointer[T], smallest)
	m.slots.Store(&slots)
	m.count = 0
}
