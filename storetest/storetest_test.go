package storetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// faults returns all that the rules have to notice.
func faults() []fault {
	return slices.Concat(readingFaults(), exactnessFaults(), writingFaults(), racingFaults(), queryingFaults(), listingFaults(), usingFaults())
}

func TestAStoreWithoutFaultPasses(t *testing.T) {
	Run(t, func(*testing.T) hallpass.Store { return sound() })
}

func TestAStoreThatMakesOneChangeAtATimePasses(t *testing.T) {
	Run(t, func(*testing.T) hallpass.Store {
		f := sound()
		onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if err := hallpass.CheckChanges(changes); err != nil {
				return err
			}
			if len(changes) > 1 {
				return errors.ErrUnsupported
			}
			return f.write(ctx, changes...)
		})(f)
		return f
	})
}

func TestAStoreWithoutUsesPasses(t *testing.T) {
	open := func() hallpass.Store { return struct{ hallpass.Store }{sound()} }
	Run(t, func(*testing.T) hallpass.Store { return open() })
	for _, c := range using() {
		assert.Equal(t, errNoUses, c.run(t.Context(), open(), time.Minute), c.name)
	}
}

func TestEveryFaultIsNoticed(t *testing.T) {
	rules := map[string]testCase{}
	for _, c := range cases() {
		rules[c.name] = c
	}
	for _, broken := range faults() {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, broken.noticed)
			for name, says := range broken.noticed {
				c, known := rules[name]
				require.True(t, known, "there is no case %q", name)
				f := sound()
				broken.breaks(f)
				patience := time.Minute
				if says == hangs {
					patience = time.Second
				}
				err := c.run(t.Context(), f, patience)
				require.Error(t, err, name)
				assert.Contains(t, err.Error(), c.explanation)
				assert.Contains(t, err.Error(), says)
			}
		})
	}
}

func TestEveryRuleIsNeeded(t *testing.T) {
	noticing := map[string]bool{}
	for _, broken := range faults() {
		for name := range broken.noticed {
			noticing[name] = true
		}
	}
	seen := map[string]bool{}
	for _, c := range cases() {
		assert.True(t, noticing[c.name], "no broken store is noticed by the case %q", c.name)
		assert.False(t, seen[c.name], "there are two cases %q", c.name)
		assert.NotEmpty(t, c.explanation, c.name)
		assert.NotContains(t, c.name, "/")
		seen[c.name] = true
	}
}

func TestAStoreThatPanicsIsNoticed(t *testing.T) {
	f := sound()
	f.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { panic("out of order") }
	assert.ErrorContains(t, cases()[0].run(t.Context(), f, time.Minute), "a panic: out of order")
}

func TestAStoreThatEndsTheGoroutineIsNoticed(t *testing.T) {
	f := sound()
	f.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { runtime.Goexit(); return nil, nil }
	assert.ErrorContains(t, cases()[0].run(t.Context(), f, time.Minute), "ended its goroutine")
}

func TestAContextOfACheckIsDoneWhenTheStoreHangs(t *testing.T) {
	f, freed := sound(), make(chan struct{})
	f.get = func(ctx context.Context, _ hallpass.ID) (*hallpass.Record, error) {
		<-ctx.Done()
		close(freed)
		runtime.Goexit()
		return nil, nil
	}
	assert.ErrorContains(t, cases()[0].run(t.Context(), f, 10*time.Millisecond), "the store hangs")
	<-freed
}

// brokenStore is set in the process that TestRunFailsForABrokenStore starts.
const brokenStore = "HALLPASS_STORETEST_BROKEN"

func TestRunFailsForABrokenStore(t *testing.T) {
	if os.Getenv(brokenStore) != "" {
		Run(t, func(*testing.T) hallpass.Store {
			f := sound()
			onRead(func(r *hallpass.Record) { r.Format = 1 })(f)
			return f
		})
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestRunFailsForABrokenStore$", "-test.v")
	command.Env = append(os.Environ(), brokenStore+"=1")
	said, err := command.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Contains(t, string(said), "--- FAIL: TestRunFailsForABrokenStore/Format_comes_back")
	assert.Contains(t, string(said), "a number from 0 to 255")
	assert.Contains(t, string(said), "Format is 1, not 0")
	assert.Contains(t, string(said), "--- PASS: TestRunFailsForABrokenStore/an_unknown_ID_is_ErrNotFound")
}
