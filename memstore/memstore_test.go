package memstore_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
	"github.com/hallpass-go/hallpass/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) hallpass.Store { return memstore.New() })
}

func record(id string) *hallpass.Record {
	return &hallpass.Record{Token: hallpass.Token{ID: hallpass.ID(id), Resource: hallpass.Workspace("acme")}}
}

// In whatever order records come, List goes by their IDs, through runs that were split again and again.
func TestListIsInOrderOfIDsHoweverTheyCame(t *testing.T) {
	const n = 5000
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%08d", 2*i)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, order := range map[string]func(){
		"ascending":  func() {},
		"descending": func() { slices.Reverse(ids) },
		"shuffled":   func() { random.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) },
	} {
		order()
		s := memstore.New()
		for _, id := range ids {
			require.NoError(t, s.Write(t.Context(), hallpass.Change{New: record(id)}))
		}
		list := func(q hallpass.Query) (got []string) {
			for r, err := range s.List(t.Context(), q) {
				require.NoError(t, err)
				got = append(got, string(r.Token.ID))
			}
			return got
		}
		sorted := slices.Sorted(slices.Values(ids))
		assert.Equal(t, sorted, list(hallpass.Query{All: true}), name)
		for _, i := range []int{0, 1, 255, 256, 257, 511, 512, 513, 2500, n - 2, n - 1} {
			assert.Equal(t, sorted[i+1:], append([]string{}, list(hallpass.Query{All: true, After: hallpass.ID(sorted[i])})...), "%s after %d", name, i)
			between := hallpass.ID(fmt.Sprintf("%08d", 2*i+1))
			assert.Len(t, list(hallpass.Query{All: true, After: between}), n-i-1, "%s after what is not there", name)
		}
	}
}

func TestAStoreSharesNoMemoryWithWhatItWasGiven(t *testing.T) {
	s := memstore.New()
	r := record("a")
	r.Token.Scope, _ = hallpass.Bitbucket().Scope(hallpass.RepositoryRead)
	r.Token.CreatedAt = time.Now()
	require.NoError(t, s.Write(t.Context(), hallpass.Change{New: r}))
	r.Token.Name = "changed afterwards"
	got, err := s.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Empty(t, got.Token.Name)
	assert.Zero(t, got.Token.Scope, "a store has no catalog")
	assert.Equal(t, r.Token.CreatedAt.UnixMicro(), got.Token.CreatedAt.UnixMicro())
	assert.Equal(t, time.UTC, got.Token.CreatedAt.Location())
}

// More texts than are kept once: some are kept twice, and all are right.
func TestTextsThatManyRecordsShare(t *testing.T) {
	s := memstore.New()
	const n = 3000
	for round := range 2 {
		for i := range n {
			r := record(fmt.Sprintf("%d-%d", round, i))
			r.Token.Resource = hallpass.Project(fmt.Sprint("w", i), "shared")
			r.Token.CreatedBy, r.ScopeText = fmt.Sprint("user-", i), "repository"
			require.NoError(t, s.Write(t.Context(), hallpass.Change{New: r}))
		}
	}
	for i := range n {
		r, err := s.Get(t.Context(), hallpass.ID(fmt.Sprintf("1-%d", i)))
		require.NoError(t, err)
		assert.Equal(t, hallpass.Project(fmt.Sprint("w", i), "shared"), r.Token.Resource)
		assert.Equal(t, fmt.Sprint("user-", i), r.Token.CreatedBy)
	}
}

// uuid is as long as one, and as different from others.
func uuid(random *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", random.Uint32(), random.Uint32N(1<<16), random.Uint32N(1<<12), random.Uint32N(1<<16), random.Uint64N(1<<48))
}

// fill puts n tokens into a new store: a repository for each, a hundred to a workspace.
func fill(b testing.TB, n int) (*memstore.Store, *hallpass.Authority, string, hallpass.Resource) {
	random := rand.New(rand.NewPCG(1, 2))
	s := memstore.New()
	a := hallpasstest.With(b, hallpass.Config{Store: s})
	scopes := [][]hallpass.Permission{{hallpass.RepositoryRead}, {hallpass.RepositoryWrite, hallpass.PipelineRead}, {hallpass.PullRequestWrite, hallpass.PipelineWrite, hallpass.PipelineVariable}}
	var workspace, creator, text string
	var r hallpass.Resource
	for i := range n {
		if i%100 == 0 {
			workspace, creator = uuid(random), uuid(random)
		}
		r = hallpass.Repository(workspace, uuid(random))
		_, secret, err := a.Issue(b.Context(), hallpass.Grant{Name: fmt.Sprintf("deploy pipeline %d", i), CreatedBy: creator, Resource: r, Permissions: scopes[i%len(scopes)]})
		if err != nil {
			b.Fatal(err)
		}
		text = secret.Reveal()
	}
	return s, a, text, r
}

// BenchmarkMemory reports what a million tokens cost: bytes and heap objects for each, index included, a garbage collection with them, and
// Verify over them.
//
//	go test -run '^$' -bench Memory -benchtime 1x ./memstore
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	heap := func() (m runtime.MemStats) {
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m
	}
	for b.Loop() {
		before := heap()
		s, a, text, r := fill(b, n)
		after := heap()
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/token")
		b.ReportMetric(float64(after.HeapObjects-before.HeapObjects)/n, "objects/token")
		start := time.Now()
		runtime.GC()
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/GC")
		start = time.Now()
		for id, err := range a.Verify(b.Context()) {
			b.Fatal(id, err)
		}
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/verified")
		if _, err := a.Authorize(b.Context(), text, r, hallpass.RepositoryRead); err != nil {
			b.Fatal(err)
		}
		runtime.KeepAlive(s)
	}
	b.ReportMetric(0, "ns/op")
}

// The promise of 520 bytes and 2 objects, on a tenth of a million.
func TestATokenCostsAtMost520BytesAndTwoObjects(t *testing.T) {
	if testing.Short() {
		t.Skip("this issues 100,000 tokens")
	}
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s, _, _, _ := fill(t, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.LessOrEqual(t, (after.HeapAlloc-before.HeapAlloc)/n, uint64(520))
	assert.LessOrEqual(t, float64(after.HeapObjects-before.HeapObjects)/n, 2.1)
	runtime.KeepAlive(s)
}

// What a store in memory keeps holds on to nothing of what it was given, however large the text is that it was a part of.
func TestARecordInMemorySharesNoneWithWhatWasWritten(t *testing.T) {
	store := memstore.New()
	whole := strings.Repeat("x", 1<<10)
	r := &hallpass.Record{
		Token: hallpass.Token{
			ID: hallpass.ID(whole[:1]), Name: whole[:2], Resource: hallpass.Repository(whole[:3], whole[:4]).In(whole[:5]), CreatedBy: whole[:6],
			Replaces: hallpass.ID(whole[:7]), ReplacedBy: hallpass.ID(whole[:8]),
		},
		ScopeText: whole[:9], Extra: whole[:10],
	}
	require.NoError(t, store.Write(t.Context(), hallpass.Change{New: r}))
	got, err := store.Get(t.Context(), r.Token.ID)
	require.NoError(t, err)
	assert.Equal(t, r, got)
	for i, text := range []string{
		string(got.Token.ID), got.Token.Name, got.Token.Resource.Workspace(), got.Token.Resource.Repository(), got.Token.Resource.Project(), got.Token.CreatedBy,
		string(got.Token.Replaces), string(got.Token.ReplacedBy), got.ScopeText, got.Extra,
	} {
		assert.False(t, within(text, whole), "text %d", i)
	}
}

// within reports whether part lies in the memory of whole.
func within(part, whole string) bool {
	p, w := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	return p >= w && p < w+uintptr(len(whole))
}

func TestAStoreInMemoryCutsWhatIsNotARecords(t *testing.T) {
	store := memstore.New()
	scope, err := hallpass.Bitbucket().Scope(hallpass.RepositoryRead)
	require.NoError(t, err)
	require.NoError(t, store.Write(t.Context(), hallpass.Change{New: &hallpass.Record{Token: hallpass.Token{ID: "id", Scope: scope}}}))
	r, err := store.Get(t.Context(), "id")
	require.NoError(t, err)
	assert.Zero(t, r.Token.Scope)
	at := time.UnixMicro(1).Add(300 * time.Nanosecond).In(time.FixedZone("x", 3600))
	require.NoError(t, store.RecordUses(t.Context(), []hallpass.Use{{ID: "id", At: at}}))
	uses, err := store.LastUses(t.Context(), []hallpass.ID{"id"})
	require.NoError(t, err)
	assert.Equal(t, []hallpass.Use{{ID: "id", At: time.UnixMicro(1).UTC()}}, uses)
}
