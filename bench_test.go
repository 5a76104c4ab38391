package hallpass_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// The floor is what a check cannot do without if it is written by hand: a checksum, a map look-up, one pooled HMAC-SHA-256 over
// ID and secret, and a comparison in constant time. It has no alphabet, no seal, no resource, no scope, no revocation.
type floor struct {
	byID map[string]*[32]byte
	pool sync.Pool
}

type floorHash struct {
	mac hash.Hash
	buf []byte
	sum []byte
}

func newFloor(secrets []string) *floor {
	f := &floor{byID: map[string]*[32]byte{}}
	f.pool.New = func() any {
		return &floorHash{mac: hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef")), buf: make([]byte, 0, 128)}
	}
	for _, s := range secrets {
		h := f.pool.Get().(*floorHash)
		h.buf = append(h.buf[:0], s...)
		d := f.digest(h)
		f.byID[strings.Clone(s[3:23])] = (*[32]byte)(slices.Clone(d))
	}
	return f
}

func (f *floor) digest(h *floorHash) []byte {
	h.mac.Reset()
	h.mac.Write(h.buf[3:58])
	h.sum = h.mac.Sum(h.sum[:0])
	return h.sum
}

func (f *floor) check(s string) bool {
	h := f.pool.Get().(*floorHash)
	defer f.pool.Put(h)
	h.buf = append(h.buf[:0], s...)
	crc := crc32.ChecksumIEEE(h.buf[:58])
	for i := 63; i >= 58; i-- {
		if h.buf[i] != "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[crc%62] {
			return false
		}
		crc /= 62
	}
	want := f.byID[s[3:23]]
	return want != nil && subtle.ConstantTimeCompare(f.digest(h), want[:]) == 1
}

// A population is some tokens, each of a repository of its own, in one store.
type population struct {
	a         *hallpass.Authority
	secrets   []string
	tokens    []hallpass.Token
	resources []hallpass.Resource
	order     []int
	floor     *floor
}

func populate(b testing.TB, n int) *population {
	p := &population{a: hallpasstest.New(b)}
	for i := range n {
		// UUIDs, as hosts have them
		r := hallpass.Repository(fmt.Sprintf("7c9e6679-7425-40de-944b-%012d", i%100), fmt.Sprintf("550e8400-e29b-41d4-a716-%012d", i))
		s := hallpasstest.Secret(b, p.a, r, hallpass.RepositoryWrite, hallpass.PipelineRead)
		t, err := p.a.Authenticate(context.Background(), s)
		if err != nil {
			b.Fatal(err)
		}
		p.secrets, p.tokens, p.resources = append(p.secrets, strings.Clone(s)), append(p.tokens, t), append(p.resources, r)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1 << 16 {
		if n > 64 {
			p.order = append(p.order, random.IntN(n))
		} else {
			p.order = append(p.order, len(p.order)%n)
		}
	}
	p.floor = newFloor(p.secrets)
	return p
}

// BenchmarkRatios measures, in rounds in which everything takes its turn, and reports the medians as multiples of the floor's.
//
//	go test -run '^$' -bench Ratios -benchtime 40x .
func BenchmarkRatios(b *testing.B) {
	ctx := context.Background()
	few, many := populate(b, 64), populate(b, 10_000)
	garbage := "hp_" + strings.Repeat("0123456789", 6) + "x"
	authorize := func(p *population) func(i int) bool {
		return func(i int) bool {
			i = p.order[i]
			_, err := p.a.Authorize(ctx, p.secrets[i], p.resources[i], hallpass.RepositoryWrite)
			return err == nil
		}
	}
	contenders := []struct {
		name, base string
		want       bool
		call       func(i int) bool
	}{
		{"floor-64", "floor-64", true, func(i int) bool { return few.floor.check(few.secrets[few.order[i]]) }},
		{"floor-10k", "floor-10k", true, func(i int) bool { return many.floor.check(many.secrets[many.order[i]]) }},
		{"authorize-64", "floor-64", true, authorize(few)},
		{"authorize-10k", "floor-10k", true, authorize(many)},
		{"decide", "floor-64", true, func(i int) bool {
			i = few.order[i]
			return hallpass.Authorize(few.tokens[i], few.resources[i], hallpass.RepositoryWrite) == nil
		}},
		{"may", "floor-64", true, func(i int) bool {
			i = few.order[i]
			return few.tokens[i].May(few.resources[i], hallpass.RepositoryWrite)
		}},
		{"denied", "floor-64", false, func(i int) bool {
			i = few.order[i]
			return hallpass.Authorize(few.tokens[i], few.resources[i], hallpass.RepositoryAdmin) == nil
		}},
		{"garbage", "floor-64", false, func(i int) bool {
			_, err := few.a.Authorize(ctx, garbage, few.resources[0], hallpass.RepositoryWrite)
			return err == nil
		}},
	}
	const calls = 1 << 15
	medians := map[string]float64{}
	rounds := make([][]float64, len(contenders))
	for b.Loop() {
		for c, contender := range contenders {
			start := time.Now()
			for i := range calls {
				if contender.call(i) != contender.want {
					b.Fatal(contender.name)
				}
			}
			rounds[c] = append(rounds[c], float64(time.Since(start).Nanoseconds())/calls)
		}
	}
	for c, contender := range contenders {
		slices.Sort(rounds[c])
		medians[contender.name] = rounds[c][len(rounds[c])/2]
		b.ReportMetric(medians[contender.name], contender.name+"-ns")
		b.ReportMetric(medians[contender.name]/medians[contender.base], contender.name+"-x")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkTwoCores reports by how much two goroutines check more tokens than one does in the same time.
//
//	go test -run '^$' -bench TwoCores -benchtime 20x .
func BenchmarkTwoCores(b *testing.B) {
	if runtime.GOMAXPROCS(0) < 2 {
		b.Skip("this needs two cores")
	}
	ctx := context.Background()
	p := populate(b, 64)
	const calls = 1 << 16
	work := func() {
		for i := range calls {
			i = p.order[i]
			if _, err := p.a.Authorize(ctx, p.secrets[i], p.resources[i], hallpass.RepositoryWrite); err != nil {
				b.Error(err)
			}
		}
	}
	var gains []float64
	for b.Loop() {
		start := time.Now()
		work()
		one := time.Since(start)
		start = time.Now()
		var wg sync.WaitGroup
		wg.Go(work)
		wg.Go(work)
		wg.Wait()
		gains = append(gains, 2*float64(one)/float64(time.Since(start)))
	}
	slices.Sort(gains)
	b.ReportMetric(gains[len(gains)/2], "gain")
	b.ReportMetric(0, "ns/op")
}
