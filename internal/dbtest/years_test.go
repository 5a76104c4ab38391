package dbtest

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// The sweeper is a process that reseals and tells how far it has come. It is this program, run anew.
const sweeper = "HALLPASS_TEST_SWEEPER" // engine, DSN, old key, new key, the ID to go on after

func TestSweeperProcess(t *testing.T) {
	given := strings.Split(os.Getenv(sweeper), "\n")
	if len(given) != 5 {
		t.Skip("this is for TestAMillionRecordsAreResealed to run")
	}
	a := oldAndNew(t, given[0], given[1], given[2], given[3])
	for p, err := range a.Sweep(t.Context(), hallpass.SweepOptions{Reseal: true, After: hallpass.ID(given[4])}) {
		require.NoError(t, err)
		fmt.Printf("kept %s %d\n", p.Last, p.Resealed)
	}
}

func oldAndNew(t *testing.T, engineName, dsn, oldKey, newKey string) *hallpass.Authority {
	t.Helper()
	for _, e := range engines {
		if e.name == engineName {
			return hallpasstest.With(t, hallpass.Config{Store: e.store(t, e.open(t, dsn)), Keys: mustKeys(t, unhex(t, newKey), unhex(t, oldKey))})
		}
	}
	require.Fail(t, "no such engine", engineName)
	return nil
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// sweepAndKill runs a sweeper and kills it in the middle of its work, after a number of pages. It returns what the sweeper kept, and whether
// it was done before.
func sweepAndKill(t *testing.T, given []string, pages int) (last string, resealed int, done bool) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestSweeperProcess$")
	c.Env = append(os.Environ(), sweeper+"="+strings.Join(given, "\n"))
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(out)
	last = given[4]
	for lines.Scan() {
		if n, _ := fmt.Sscanf(lines.Text(), "kept %s %d", &last, &resealed); n == 2 {
			if pages--; pages == 0 {
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
				require.NoError(t, c.Process.Kill())
			}
		}
	}
	return last, resealed, c.Wait() == nil
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
			given := []string{e.name, dsn, hex.EncodeToString(oldKey), hex.EncodeToString(newKey), ""}
			a := oldAndNew(t, given[0], given[1], given[2], given[3])

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
				pages := n / 256 / 4 // three kills and a rest
				if kills == 3 {
					pages = -1
				}
				var resealed int
				given[4], resealed, done = sweepAndKill(t, given, pages)
				if moved += resealed; !done {
					kills++
				}
				_, err := a.Authenticate(t.Context(), text)
				require.NoError(t, err, "tokens work all the while")
			}
			assert.Equal(t, 3, kills)
			assert.LessOrEqual(t, n-moved, 3*256, "what was moved and not told")
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
