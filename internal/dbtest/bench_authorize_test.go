package dbtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// BenchmarkAuthorize measures a check against the bare SELECT of the same columns by the primary key, prepared and scanned into plain
// variables, and against a check in a table of a thousand tokens (growth). Any token of the table is as likely as another; hot are
// checks of a thousand of them, as many as an Authority remembers at once many times over.
func BenchmarkAuthorize(b *testing.B) {
	onEachEngine(b, func(b *testing.B, e engine) {
		for _, rows := range []int{1000, 1_000_000} {
			b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) { benchmarkAuthorize(b, e, rows) })
		}
	})
}

func benchmarkAuthorize(b *testing.B, e engine, rows int) {
	const few, calls = 1000, 500
	small, large := newTable(b, e, few), newTable(b, e, rows)
	for i := range few {
		for _, t := range []table{small, large} {
			if err := t.authorize(i); err != nil { // so that these are remembered
				b.Fatal(err)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	times := rounds{}
	measure := func(kind string, call func(i int) error, among int) {
		times.measure(b, kind, calls, func(int) error { return call(random.IntN(among)) })
	}
	for b.Loop() {
		measure("small", small.authorize, few)
		measure("small-select", small.bare, few)
		measure("hot", large.authorize, few)
		measure("hot-select", large.bare, few)
		measure("any-select", large.bare, rows)
		measure("any", large.authorize, rows)
	}
	b.ReportMetric(times.median("any-select"), "select-ns")
	b.ReportMetric(times.median("any"), "authorize-ns")
	b.ReportMetric(times.ratio("any", "any-select"), "x")
	b.ReportMetric(times.ratio("hot", "hot-select"), "hot-x")
	b.ReportMetric(times.ratio("any", "small"), "growth")
	b.ReportMetric(times.ratio("any-select", "small-select"), "select-growth")
	b.ReportMetric(times.ratio("hot", "small"), "hot-growth")
	b.ReportMetric(0, "ns/op")
}

// A table has tokens in it, and checks the i-th, or only selects it.
type table struct{ authorize, bare func(i int) error }

func newTable(b *testing.B, e engine, rows int) table {
	b.Helper()
	keys, db := mustKeys(b, hallpass.GenerateKey()), e.open(b, e.fresh(b))
	db.SetMaxOpenConns(1)
	store := e.store(b, db)
	texts := load(b, e, db, keys, rows, repositories)
	a := hallpasstest.With(b, hallpass.Config{Store: store, Keys: keys})
	stmt := prepare(b, db, e.placeholder(`SELECT id, name, workspace, project, repository, scope, created_by, created_at, revoked_at,
		replaces, replaced_by, extra, verifier, seal, key_id, format FROM `+e.table("tokens")+` WHERE id = ?`))
	ctx, sqlite := context.Background(), e.driver == "sqlite"
	return table{
		authorize: func(i int) error {
			_, err := a.Authorize(ctx, texts[i], repositories(i), hallpass.RepositoryRead)
			return err
		},
		bare: func(i int) error {
			id := texts[i][len("hp_"):][:20]
			var createdAt, revokedAt, keyID, format int64
			var verifier, seal []byte
			if sqlite {
				var got, name, workspace, project, repository, scope, createdBy, replaces, replacedBy, extra string
				return stmt.QueryRowContext(ctx, id).Scan(&got, &name, &workspace, &project, &repository, &scope, &createdBy, &createdAt,
					&revokedAt, &replaces, &replacedBy, &extra, &verifier, &seal, &keyID, &format)
			}
			var got, name, workspace, project, repository, scope, createdBy, replaces, replacedBy, extra []byte
			return stmt.QueryRowContext(ctx, []byte(id)).Scan(&got, &name, &workspace, &project, &repository, &scope, &createdBy, &createdAt,
				&revokedAt, &replaces, &replacedBy, &extra, &verifier, &seal, &keyID, &format)
		},
	}
}
