package dbtest

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// sweeper reseals, and tells after each page how far it has come.
func (p *player) sweeper(ctx context.Context) error {
	a, err := hallpass.New(hallpass.Config{Store: p.store, Keys: p.keys})
	if err != nil {
		return err
	}
	for progress, err := range a.Sweep(ctx, hallpass.SweepOptions{Reseal: true, After: p.After}) {
		if err != nil {
			return err
		}
		p.say(progress)
	}
	return nil
}

// sweepAndKill starts a sweeper and kills it in the middle of its work, after a number of pages. It returns the last that the sweeper told, and
// whether it was done before.
func sweepAndKill(t *testing.T, e engine, p part, pages int) (last hallpass.Progress, done bool) {
	t.Helper()
	c := e.start(t, p)
	for {
		more, err := c.hear(&last)
		if !more || err != nil {
			return last, c.cmd.Wait() == nil
		}
		if pages--; pages == 0 {
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			require.NoError(t, c.cmd.Process.Kill())
		}
	}
}

// Verify, Reseal and List over all records hold one page of them, tell how far they have come, and go on after a kill. HALLPASS_LONG=1 does it
// with a million.
func TestAMillionRecordsAreResealed(t *testing.T) {
	if testing.Short() {
		t.Skip("too slow for -short")
	}
	n := 20_000
	if os.Getenv("HALLPASS_LONG") != "" {
		n = 1_000_000
	}
	for _, e := range engines { // one after the other, for the sake of the memory
		t.Run(e.name, func(t *testing.T) {
			dsn, oldKey, newKey := e.fresh(t), hallpass.GenerateKey(), hallpass.GenerateKey()
			db := e.open(t, dsn)
			e.store(t, db)
			text := load(t, e, db, mustKeys(t, oldKey), n, func(i int) hallpass.Resource { return repositories(i % 10_000) })[n/2]
			a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: mustKeys(t, newKey, oldKey)})
			sweeper := part{Role: "sweeper", DSN: dsn, Key: newKey, OldKey: oldKey, MaxGoroutines: 2}

			var last hallpass.Progress
			measured(t, "verify", n, func() {
				for p, err := range a.Sweep(t.Context(), hallpass.SweepOptions{}) {
					require.NoError(t, err)
					require.Empty(t, p.Bad)
					last = p
				}
			})
			require.Equal(t, []int{n, n, 0}, []int{last.Records, last.Outdated, last.Resealed})
			measured(t, "list", n, func() {
				listed := 0
				for _, err := range a.List(t.Context(), acme, hallpass.ListOptions{}) {
					require.NoError(t, err)
					listed++
				}
				require.Equal(t, n, listed)
			})

			begin, kills, moved := time.Now(), 0, 0
			for done := false; !done; {
				pages := n / 100 / 4 // three kills and a rest
				if kills == 3 {
					pages = -1
				}
				var told hallpass.Progress
				told, done = sweepAndKill(t, e, sweeper, pages)
				sweeper.After = told.Last
				if moved += told.Resealed; !done {
					kills++
				}
				_, err := a.Authenticate(t.Context(), text)
				require.NoError(t, err, "tokens work all the while")
			}
			assert.Equal(t, 3, kills)
			assert.LessOrEqual(t, n-moved, 3*100, "what was moved and not told")
			t.Logf("reseal of %d, killed %d times: %v", n, kills, time.Since(begin).Round(time.Millisecond))
			last = hallpass.Progress{}
			for p, err := range a.Sweep(t.Context(), hallpass.SweepOptions{}) {
				require.NoError(t, err)
				require.Empty(t, p.Bad)
				last = p
			}
			require.Equal(t, []int{n, 0}, []int{last.Records, last.Outdated}, "nothing needs the old key")
			fresh := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: mustKeys(t, newKey)})
			_, err := fresh.Authenticate(t.Context(), text)
			require.NoError(t, err)
		})
	}
}

// measured does work over n records, and sees to it that it holds no more than some pages of them.
func measured(t *testing.T, what string, n int, work func()) {
	t.Helper()
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop, stopped := make(chan struct{}), make(chan uint64)
	go func() {
		highest := uint64(0)
		for {
			select {
			case <-stop:
				stopped <- highest
				return
			case <-time.After(50 * time.Millisecond):
				runtime.GC()
				runtime.ReadMemStats(&peak)
				highest = max(highest, peak.HeapAlloc)
			}
		}
	}()
	begin := time.Now()
	work()
	took := time.Since(begin)
	close(stop)
	held := int64(<-stopped) - int64(before.HeapAlloc)
	t.Logf("%s of %d: %v, %.1f us a record, at most %.1f MiB held", what, n, took.Round(time.Millisecond), float64(took.Microseconds())/float64(n), float64(held)/(1<<20))
	assert.Less(t, held, int64(16<<20))
}
