package hallpass

import (
	"sync"
	"sync/atomic"

	"github.com/hallpass-go/hallpass/internal/idmap"
)

// A verdict says that an Authority has found a record good, and keeps what it worked out then. It holds for exactly what that
// record said: it has a copy of every sealed field, and of the seal, and is compared with each record anew. So it does not
// matter where a record comes from or whether its memory is used again, and an edited copy is never taken for good.
// It stays with its Authority, whose keys it was found with.
type verdict struct {
	token     Token // with its Scope
	scopeText string
	extra     string
	verifier  [32]byte
	seal      [32]byte
	keyID     uint64
	format    uint8

	digest [32]byte // the verifier in clear; of a tombstone, nothing that a secret could match
	used   atomic.Uint64
}

// holds reports whether r says what v was found for.
func (v *verdict) holds(r *Record) bool {
	t := r.Token
	t.Scope = v.token.Scope
	return t == v.token && r.ScopeText == v.scopeText && r.Extra == v.extra &&
		r.Verifier == v.verifier && r.Seal == v.seal && r.KeyID == v.keyID && r.Format == v.format
}

// tombstone reports whether the token was ended at once: no secret opens it, whatever the clock says.
func (v *verdict) tombstone() bool { return v.verifier == [32]byte{} }

// A memory keeps verdicts by ID. Only what a store has and a key has sealed gets in, so a flood of made-up tokens leaves
// nothing behind. It is bounded: when it is full it starts afresh, which costs each live token one HMAC more.
type memory struct {
	mu       sync.Mutex
	verdicts *idmap.Map[verdict]
}

// memorySize is how many verdicts are kept, of some 600 bytes each.
const memorySize = 1 << 16

func newMemory() *memory {
	return &memory{verdicts: idmap.New(func(v *verdict) string { return string(v.token.ID) })}
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
