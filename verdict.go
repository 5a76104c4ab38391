package hallpass

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/hallpass-go/hallpass/internal/idmap"
)

// A verdict says that an Authority has found a record good, and keeps what it worked out then. It holds for exactly what that
// record said: it has a copy of every sealed field, and of the seal, and is compared with each record anew. So it does not
// matter where a record comes from or whether its memory is used again, and an edited copy is never taken for good.
// It stays with its Authority, whose keys it was found with.
type verdict struct {
	record Record   // a copy, so that nothing that its texts point to is used again
	scope  Scope    // what of its ScopeText still grants something
	digest [32]byte // the verifier in clear; of a tombstone, nothing that a secret could match
	used   atomic.Uint64
}

// token returns the token that v is of.
func (v *verdict) token() Token {
	t := v.record.Token
	t.Scope = v.scope
	return t
}

// holds reports whether r says what v was found for. Memory that looks the same is the same: texts are immutable, and those
// that v points to stay where they are. Where it looks different, as in what was read from a database anew, the texts are compared.
func (v *verdict) holds(r *Record) bool {
	return *image(&v.record) == *image(r) || v.record == *r
}

// image returns the memory of r.
func image(r *Record) *[unsafe.Sizeof(Record{})]byte {
	return (*[unsafe.Sizeof(Record{})]byte)(unsafe.Pointer(r))
}

// A memory keeps verdicts by ID. Only what a store has and a key has sealed gets in, so a flood of made-up tokens leaves
// nothing behind. It is bounded: when it is full it starts afresh, which costs each live token one HMAC more.
type memory struct {
	mu       sync.Mutex
	verdicts *idmap.Map[verdict]
}

// memorySize is how many verdicts are kept, of 384 bytes and the texts of a record each.
const memorySize = 1 << 16

func newMemory() *memory {
	return &memory{verdicts: idmap.New(func(v *verdict) string { return string(v.record.Token.ID) })}
}

// of returns the last verdict on a record with this ID, or nil. Whether it holds for the record that the store has is to be seen.
func (m *memory) of(id ID) *verdict { return m.verdicts.Get(string(id)) }

func (m *memory) put(v *verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verdicts.Len() >= memorySize {
		m.verdicts.Clear()
	}
	m.verdicts.Put(v)
}
