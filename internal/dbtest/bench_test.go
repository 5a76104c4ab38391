package dbtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// BenchmarkAuthorizeSQLite measures, in rounds in which both take their turn, a check against the one SELECT that it cannot do
// without, and reports the medians.
//
//	go test -run '^$' -bench AuthorizeSQLite -benchtime 40x .
func BenchmarkAuthorizeSQLite(b *testing.B) {
	for _, rows := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) { benchmarkAuthorize(b, rows) })
	}
}

func benchmarkAuthorize(b *testing.B, rows int) {
	const calls = 2000
	file, keys := newFile(b), mustKeys(b, hallpass.GenerateKey())
	ids, texts := crowd(b, sqliteEngine, uri(file, wal), keys, rows, repositories)
	var resources []hallpass.Resource
	for i := range rows {
		resources = append(resources, repositories(i))
	}
	db := open(b, file, wal)
	a := hallpasstest.With(b, hallpass.Config{Store: storeOn(b, db), Keys: keys})
	bare, err := db.Prepare(`SELECT id, name, workspace, project, repository, scope, created_by, created_at, revoked_at, replaces, replaced_by, extra,
		verifier, seal, key_id, format FROM hallpass_tokens WHERE id = ?`)
	require.NoError(b, err)
	defer bare.Close()

	ctx := context.Background()
	selects := func(i int) error {
		var id, name, workspace, project, repository, scope, createdBy, replaces, replacedBy, extra string
		var createdAt, revokedAt, keyID, format int64
		var verifier, seal []byte
		return bare.QueryRowContext(ctx, string(ids[i])).Scan(&id, &name, &workspace, &project, &repository, &scope, &createdBy, &createdAt, &revokedAt,
			&replaces, &replacedBy, &extra, &verifier, &seal, &keyID, &format)
	}
	authorizes := func(i int) error {
		_, err := a.Authorize(ctx, texts[i], resources[i], hallpass.RepositoryRead)
		return err
	}
	for i := range rows {
		require.NoError(b, authorizes(i)) // so that each row was seen before
	}
	random := rand.New(rand.NewPCG(1, 2))
	round := func(order []int, call func(i int) error) float64 {
		begin := time.Now()
		for _, i := range order {
			if err := call(i); err != nil {
				b.Fatal(err)
			}
		}
		return float64(time.Since(begin).Nanoseconds()) / float64(len(order))
	}
	var floor, check []float64
	for b.Loop() {
		var order []int
		for range calls {
			order = append(order, random.IntN(rows))
		}
		floor = append(floor, round(order, selects))
		check = append(check, round(order, authorizes))
	}
	slices.Sort(floor)
	slices.Sort(check)
	f, c := floor[len(floor)/2], check[len(check)/2]
	b.ReportMetric(f, "select-ns")
	b.ReportMetric(c, "authorize-ns")
	b.ReportMetric(c/f, "x")
	b.ReportMetric(0, "ns/op")
}
