package dbtest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// crashed are the engines whose writers are killed, with how often that is done, in short and at length.
var crashed = []struct {
	engine
	short, long int
}{
	{engine{"SQLite, WAL", "sqlite", sqliteEngine.dialect, freshFile(wal)}, 6, 500},
	{engine{"SQLite, DELETE", "sqlite", sqliteEngine.dialect, freshFile(patient + "&_pragma=journal_mode(DELETE)")}, 6, 500},
	{postgresEngine, 6, 200},
	{mysqlEngine, 6, 200},
}

// long reports whether proofs are to be given at length.
func long() bool { return os.Getenv("HALLPASS_LONG") != "" }

// A wreck is a database whose writers were killed again and again.
type wreck struct {
	engine
	key     []byte
	dsn     string
	ledgers []*ledger
}

// kill lets a writer work until it has said a random number of things and some time more, kills it with SIGKILL, and keeps what it said.
func (w *wreck) kill(t *testing.T, flaw string) {
	t.Helper()
	l := &ledger{workspace: fmt.Sprintf("w%d", len(w.ledgers))}
	w.ledgers = append(w.ledgers, l)
	c := w.start(t, part{Role: "writer", DSN: w.dsn, Key: w.key, Seed: rand.Uint64(), Workspace: l.workspace, Flaw: flaw, MaxGoroutines: writers})
	defer func() { _ = c.cmd.Wait() }() // it did not end well
	var n note
	ok, err := c.hear(&n)
	require.NoError(t, err)
	require.True(t, ok, "%s", c.err.text)
	last, after := 1+rand.IntN(150), rand.N(3*time.Millisecond)
	if len(w.ledgers) == 1 && rand.IntN(2) == 0 {
		last, after = 1, rand.N(50*time.Millisecond) // while it makes the tables, as a rule
	}
	for heard := 1; ok && err == nil; heard++ {
		if heard == last {
			time.AfterFunc(after, func() { _ = c.cmd.Process.Kill() })
		}
		l.hear(n)
		n = note{}
		ok, err = c.hear(&n)
	}
	require.NoError(t, err)
}

// judge opens the database afresh, and says how it differs from what all its writers were told.
func (w *wreck) judge(t *testing.T) (total tally, wrong []string) {
	t.Helper()
	db, err := sql.Open(w.driver, w.dsn)
	require.NoError(t, err)
	defer db.Close()
	store := w.store(t, db) // what was interrupted can be migrated again
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, w.key)})
	for _, l := range w.ledgers {
		counts, bad := l.judge(t.Context(), a)
		wrong = append(wrong, bad...)
		total.records += counts.records
		total.revocations += counts.revocations
		total.doubts += counts.doubts
		total.happened += counts.happened
	}
	for id, err := range a.Verify(t.Context()) {
		wrong = append(wrong, fmt.Sprintf("verify: %q: %v", id, err))
	}
	if err := a.Check(t.Context()); err != nil {
		wrong = append(wrong, err.Error())
	}
	return total, wrong
}

// Kill -9 of the process that writes, at random points: no acknowledged revocation is lost, no torn record is accepted, and what was not
// acknowledged happened as a whole or not at all.
func TestACrashLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for _, c := range crashed {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			points := c.short
			if long() {
				points = c.long
			}
			var w *wreck
			var total tally
			acknowledged, begun := 0, time.Now()
			for point := range points {
				if point%10 == 0 {
					w = &wreck{engine: c.engine, key: hallpass.GenerateKey(), dsn: c.fresh(t)}
				}
				w.kill(t, "")
				counts, wrong := w.judge(t)
				require.Empty(t, wrong, "point %d", point)
				if acknowledged += w.ledgers[point%10].done; point%10 == 9 || point == points-1 {
					total.records += counts.records
					total.revocations += counts.revocations
					total.doubts += counts.doubts
					total.happened += counts.happened
				}
			}
			t.Logf("%d points in %v: %d operations acknowledged, %d tokens ended and none of them live, %d records; in doubt %d, of which %d had happened",
				points, time.Since(begun).Round(time.Second), acknowledged, total.revocations, total.records, total.doubts, total.happened)
			assert.Positive(t, total.revocations)
			assert.Positive(t, total.doubts)
		})
	}
}

// The test sees what it looks for: a writer that acknowledges a revocation before it has written it is found out.
func TestACrashFindsOutWhoAcknowledgesTooEarly(t *testing.T) {
	t.Parallel()
	for _, c := range crashed[:1] {
		w := &wreck{engine: c.engine, key: hallpass.GenerateKey(), dsn: c.fresh(t)}
		for point := 1; point <= 40; point++ {
			w.kill(t, "acknowledges early")
			if _, wrong := w.judge(t); len(wrong) > 0 {
				t.Logf("caught at point %d: %s", point, wrong[0])
				return
			}
		}
		t.Fatal("it was not found out")
	}
}
