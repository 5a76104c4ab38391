package hallpass

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMustPanicsOnAMistakeInThisPackage(t *testing.T) {
	assert.Panics(t, func() { must(NewCatalog()) })
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	m := newMemory()
	for i := range memorySize + 10 {
		m.put(&verdict{record: Record{Token: Token{ID: ID(fmt.Sprint(i))}}})
		assert.LessOrEqual(t, m.verdicts.Len(), memorySize)
	}
	assert.Equal(t, 10, m.verdicts.Len())
	assert.NotNil(t, m.of(ID(fmt.Sprint(memorySize))))
	assert.Nil(t, m.of("0"))
}

// A record of a form that this version does not know is not good, even where its seal is.
func TestASealedRecordOfAnotherFormatIsNotGood(t *testing.T) {
	keys, err := NewKeys(GenerateKey())
	require.NoError(t, err)
	a, err := New(Config{Store: struct{ Store }{}, Keys: keys})
	require.NoError(t, err)
	r := &Record{Token: Token{ID: "id", Resource: Workspace("acme")}, ScopeText: "repository"}
	a.seal(r, &[32]byte{1})
	_, err = a.examine(r)
	require.NoError(t, err)
	for _, form := range []uint8{0, 2, 255} {
		r.Format = form
		r.Seal = a.hashers[0].seal(r)
		_, err = a.examine(r)
		assert.Equal(t, ErrTampered, err)
	}
}

// Readers on different cores do not wait for one another: only the first use since a flush takes the lock.
func TestASecondUseTakesNoLock(t *testing.T) {
	u := newUses(nil)
	v := &verdict{record: Record{Token: Token{ID: "id"}}}
	u.mark(v)
	u.mu.Lock()
	defer u.mu.Unlock()
	done := make(chan bool)
	go func() { u.mark(v); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("it waits for the lock")
	}
}

// Flushes that come one after the other within a minute keep no more than one does.
func TestWhatWasWrittenIsBounded(t *testing.T) {
	u := newUses(nil)
	var due []Use
	for i := range maxUses + 10 {
		due = append(due, Use{ID: ID(fmt.Sprint(i))})
	}
	u.settle(due, now())
	assert.Len(t, u.written, maxUses)
}

// What is not in the sealed bytes makes a record that was not made here: each alone is enough.
func TestEachPartOfCanonicalCounts(t *testing.T) {
	zone, at := time.FixedZone("x", 3600), time.UnixMicro(1).UTC()
	for name, edit := range map[string]func(*Token){
		"an In":                            func(t *Token) { t.Resource = t.Resource.In("core") },
		"a part of a microsecond, created": func(t *Token) { t.CreatedAt = at.Add(time.Nanosecond) },
		"a zone, created":                  func(t *Token) { t.CreatedAt = at.In(zone) },
		"1970, created":                    func(t *Token) { t.CreatedAt = time.Unix(0, 0).UTC() },
		"a part of a microsecond, revoked": func(t *Token) { t.RevokedAt = at.Add(time.Nanosecond) },
		"a zone, revoked":                  func(t *Token) { t.RevokedAt = at.In(zone) },
		"a zone of the zero time, revoked": func(t *Token) { t.RevokedAt = t.RevokedAt.In(zone) },
		"1970, revoked":                    func(t *Token) { t.RevokedAt = time.Unix(0, 0).UTC() },
	} {
		r := &Record{Token: Token{ID: "id", Resource: Repository("acme", "api"), CreatedAt: at}}
		assert.True(t, r.canonical(), name)
		edit(&r.Token)
		assert.False(t, r.canonical(), name)
	}
}

// A text of a few bytes that claims to go on for 4 GB costs no memory.
func TestALengthThatLiesCostsNoMemory(t *testing.T) {
	data := []byte{1, 1, 255, 255, 255, 255}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	assert.ErrorIs(t, (&Record{}).UnmarshalBinary(data), ErrInvalid)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
