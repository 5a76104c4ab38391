package legacyhash_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/legacyhash"
)

const quick = "$pbkdf2-sha256$i=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// After some wrong secrets for a token, it is unavailable for the rest of a minute, and so never wrongly refused.
func TestATokenIsGuessedAtSoOftenAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("0", 32) + "e4efbf36"
		wrong := strings.Repeat("1", 32) + "e4efbf36"
		known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{legacyhash.Gitea()}, Failures: 3})
		require.NoError(t, err)
		a := hallpasstest.With(t, hallpass.Config{Legacy: known})
		for _, err := range a.Import(t.Context(), rows(giteaRow(t, text, "salt"), giteaRow(t, strings.Repeat("0", 32)+"00000000", "salt")), hallpass.ImportOptions{}) {
			require.NoError(t, err)
		}
		try := func(text string) error {
			_, err := a.Authenticate(t.Context(), text)
			return err
		}
		for range 2 {
			for range 3 {
				assert.Equal(t, hallpass.ErrUnauthenticated, try(wrong))
				time.Sleep(time.Second)
			}
			for range 2 {
				assert.ErrorIs(t, try(wrong), hallpass.ErrUnavailable)
				assert.ErrorIs(t, try(text), hallpass.ErrUnavailable, "whatever the secret")
			}
			time.Sleep(57*time.Second - time.Nanosecond)
			assert.ErrorIs(t, try(wrong), hallpass.ErrUnavailable, "what is refused does not count")
			time.Sleep(time.Nanosecond)
		}
		assert.NoError(t, try(strings.Repeat("0", 40)), "another token is another")
		require.NoError(t, try(text))
		for range 20 {
			assert.Equal(t, hallpass.ErrUnauthenticated, try(wrong), "once it was used there is nothing slow to bound")
			assert.NoError(t, try(text))
		}
	})
}

func TestWhatIsRefusedDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{anySelector(t, "")}, Failures: 1})
		require.NoError(t, err)
		_, err = known.Verify(t.Context(), "slow:s", "slow", quick, "s.x")
		require.NoError(t, err)
		defer known.Fill(2)()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = known.Verify(ctx, "slow:s", "slow", quick, "s.x")
		assert.Error(t, err)
		assert.NoError(t, ctx.Err())
	})
}

func TestTenFailuresAreTheUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := set(t, anySelector(t, ""))
		for range 10 {
			ok, err := known.Verify(t.Context(), "slow:s", "slow", quick, "s.x")
			assert.NoError(t, err)
			assert.False(t, ok)
		}
		_, err := known.Verify(t.Context(), "slow:s", "slow", quick, "s.x")
		assert.Error(t, err)
	})
}

func TestSoManySlowHashesAreComputedAtOnce(t *testing.T) {
	for concurrency, want := range map[int]int{0: 2, 1: 1, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{anySelector(t, "")}, Concurrency: concurrency})
			require.NoError(t, err)
			release := known.Fill(want)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = known.Verify(ctx, "slow:s", "slow", quick, "s.x")
			assert.ErrorIs(t, err, context.DeadlineExceeded, "it waits for its turn, as long as its context does")

			var wg sync.WaitGroup
			wg.Go(func() {
				ok, err := known.Verify(t.Context(), "slow:s", "slow", quick, "s.x")
				assert.NoError(t, err)
				assert.False(t, ok)
			})
			synctest.Wait()
			release()
			wg.Wait()

			done, cancel := context.WithCancel(t.Context())
			cancel()
			for range 20 {
				_, err = known.Verify(done, "slow:s", "slow", quick, "s.x")
				assert.ErrorIs(t, err, context.Canceled, "also where there is room")
			}
		})
	}
}

// Whoever waits finds out, when it is his turn, that others have failed.
func TestFailuresWhileWaitingCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{anySelector(t, "")}, Concurrency: 1, Failures: 2})
		require.NoError(t, err)
		release := known.Fill(1)
		var mu sync.Mutex
		failed, refused := 0, 0
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				_, err := known.Verify(t.Context(), "slow:s", "slow", quick, "s.x")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					failed++
				} else {
					refused++
				}
			})
		}
		synctest.Wait()
		release()
		wg.Wait()
		assert.Equal(t, 2, failed)
		assert.Equal(t, 8, refused)
	})
}

func TestWhatIsKnownOfFailuresIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{anySelector(t, "")}, Failures: 1})
		require.NoError(t, err)
		fail := func(n int) error {
			_, err := known.Verify(t.Context(), hallpass.ID(fmt.Sprint(n)), "slow", quick, "s.x")
			return err
		}
		const most = 4096
		for n := range most {
			require.NoError(t, fail(n))
			time.Sleep(time.Microsecond)
		}
		assert.Error(t, fail(0))
		require.NoError(t, fail(most))
		assert.Equal(t, most, known.Failing())
		assert.NoError(t, fail(0), "the first was forgotten")
		assert.Error(t, fail(2))
		assert.Equal(t, most, known.Failing())
	})
}
