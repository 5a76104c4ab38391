package dbtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// BenchmarkIssue measures how many tokens are issued in the time of an INSERT (rate), both as durable as hallpass demands: a bare one of the
// same columns, prepared, a transaction of its own.
func BenchmarkIssue(b *testing.B) {
	onEachEngine(b, func(b *testing.B, e engine) {
		const calls = 50
		dsn := e.fresh(b)
		keys, db := mustKeys(b, hallpass.GenerateKey()), e.open(b, dsn)
		db.SetMaxOpenConns(1)
		a := hallpasstest.With(b, hallpass.Config{Store: e.store(b, db), Keys: keys})
		if e.dialect.String() == "sqlite" {
			dsn += "&_pragma=synchronous(EXTRA)" // what hallpass sets by itself
		}
		other := e.open(b, dsn)
		other.SetMaxOpenConns(1)
		insert := prepare(b, other, e.inserting(1))
		ctx, times := context.Background(), rounds{}
		for b.Loop() {
			records, _ := minted(b, keys, calls, repositories)
			var rows [][]any
			for _, r := range records {
				rows = append(rows, e.appendRow(nil, r.record(b)))
			}
			times.measure(b, "insert", calls, func(i int) error {
				_, err := insert.ExecContext(ctx, rows[i]...)
				return err
			})
			times.measure(b, "issue", calls, func(i int) error {
				_, _, err := a.Issue(ctx, grant(repositories(i), hallpass.RepositoryRead))
				return err
			})
		}
		require.Equal(b, 2*calls*len(times["issue"]), count(b, db, e.table("tokens")))
		b.ReportMetric(times.median("insert")/1e3, "insert-µs")
		b.ReportMetric(times.median("issue")/1e3, "issue-µs")
		b.ReportMetric(times.ratio("insert", "issue"), "rate")
		b.ReportMetric(0, "ns/op")
	})
}
