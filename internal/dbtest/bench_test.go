package dbtest

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The benchmarks compare hallpass with the statement that it cannot do without, on each engine, in rounds in which all take their turn, so that
// what else the machine does meets all of them. They report medians.
//
//	go test -run '^$' -bench Authorize -benchtime 40x .
//	go test -run '^$' -bench Issue -benchtime 40x .
//	go test -run '^$' -bench RevokeAll -benchtime 1x .

// rounds are the times of a call in each round, in nanoseconds, by the kind of the call.
type rounds map[string][]float64

// measure adds the time of a call, as the mean of n of them.
func (r rounds) measure(b *testing.B, kind string, n int, call func(i int) error) {
	b.Helper()
	begin := time.Now()
	for i := range n {
		if err := call(i); err != nil {
			b.Fatalf("%s: %v", kind, err)
		}
	}
	r[kind] = append(r[kind], float64(time.Since(begin).Nanoseconds())/float64(n))
}

// median returns the median of a kind.
func (r rounds) median(kind string) float64 { return median(r[kind]) }

// ratio returns the median of how many times as long as another a kind took in the same round.
func (r rounds) ratio(kind, other string) float64 {
	var all []float64
	for i := range r[kind] {
		all = append(all, r[kind][i]/r[other][i])
	}
	return median(all)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// onEachEngine runs a benchmark on each engine.
func onEachEngine(b *testing.B, benchmark func(b *testing.B, e engine)) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) { benchmark(b, e) })
	}
}

// prepare prepares a statement for as long as the benchmark runs.
func prepare(b *testing.B, db *sql.DB, statement string) *sql.Stmt {
	b.Helper()
	stmt, err := db.PrepareContext(context.Background(), statement)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, stmt.Close()) })
	return stmt
}
