// Package storetest checks that a [hallpass.Store] keeps its contract. The test of a store is three lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) hallpass.Store { return mystore.New() })
//	}
//
// Each rule of the contract is a subtest with a store of its own. One that fails states the rule, then what the store did. Run
// the test with -race too.
//
// A store that reports [errors.ErrUnsupported] for more than one change in a Write passes. The rules on last-used times are
// for a store that is also a [hallpass.UseStore]; of any other they are skipped. One promise is beyond a test like this:
// that what was written outlives a crash.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/hallpass-go/hallpass"
)

// Run checks the stores that open returns against each rule, in one subtest for each. It calls open once in every subtest, for a
// store that is empty. What has to be closed or deleted afterwards is for [testing.T.Cleanup].
//
// A store that hangs fails after a minute. Its goroutine is left behind, for nothing can end it.
func Run(t *testing.T, open func(t *testing.T) hallpass.Store) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			switch err := c.run(t.Context(), open(t), time.Minute); err {
			case nil:
			case errNoUses:
				t.Skip(err)
			default:
				t.Error(err)
			}
		})
	}
}

// A testCase is one rule. Its check returns what an empty store did against it, so that the rules can be tested themselves.
type testCase struct {
	name        string
	explanation string
	check       func(ctx context.Context, s hallpass.Store) error
}

// cases returns all rules.
func cases() []testCase {
	return slices.Concat(reading(), exactness(), creating(), replacing(), together(), querying(), listing(), racing(), using())
}

// errNoUses is what a check returns that has nothing to check.
var errNoUses = errors.New("the store is no hallpass.UseStore")

// run returns the explanation and what the store did, or nil. It waits so long for the check to end.
func (c testCase) run(ctx context.Context, s hallpass.Store, patience time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	select {
	case err = <-start(func() error { return c.check(ctx, s) }):
	case <-time.After(patience):
		err = fmt.Errorf("the store hangs: it was not done after %v", patience)
	}
	if err == nil || err == errNoUses {
		return err
	}
	return fmt.Errorf("%s\nBut: %w", c.explanation, err)
}

// start calls do in a goroutine. What it returns comes out of the channel, or an error if it panics or ends the goroutine.
func start(do func() error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		err := errors.New("a call to the store ended its goroutine, as t.FailNow does; use t.Error in a store")
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("a panic: %v\n%s", p, debug.Stack())
			}
			ended <- err
		}()
		err = do()
	}()
	return ended
}
