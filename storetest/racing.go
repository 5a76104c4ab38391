package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hallpass-go/hallpass"
)

// racing has the rules on calls at the same time.
func racing() []testCase {
	return []testCase{
		{
			name:        "of racing replaces one wins",
			explanation: "Of many replaces of the same Old at the same time, one is made. All others return ErrConflict, and no other error.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return races(func(round int) error {
					r := record(round)
					if err := create(ctx, s, r); err != nil {
						return err
					}
					winner, err := race(hallpass.ErrConflict, func(i int) error {
						return s.Write(ctx, hallpass.Change{Old: r, New: version(r, i)})
					})
					if err != nil {
						return err
					}
					return holds(ctx, s, version(r, winner))
				})
			},
		},
		{
			name:        "of racing creates one wins",
			explanation: "Of many new records of one ID at the same time, one is created. All other Writes return ErrExists, and no other error.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return races(func(round int) error {
					winner, err := race(hallpass.ErrExists, func(i int) error {
						return s.Write(ctx, hallpass.Change{New: version(record(round), i)})
					})
					if err != nil {
						return err
					}
					return holds(ctx, s, version(record(round), winner))
				})
			},
		},
		{
			name: "of racing Writes of several changes one wins",
			explanation: "Of many Writes that replace the same records at the same time, in any order, one is made, and nothing of the others. " +
				"These return ErrConflict, and no other error: not that of a deadlock either.",
			check: racesTogether,
		},
		{
			name:        "readers see whole records",
			explanation: "A replace is seen whole or not at all: never the Seal of one and the Verifier of another.",
			check:       wholeRecords,
		},
	}
}

const (
	rounds = 10
	racers = 16
)

// races has some races, until one goes wrong.
func races(round func(int) error) error {
	for i := range rounds {
		if err := round(i); err != nil {
			return err
		}
	}
	return nil
}

// race calls run at the same time from many goroutines, and returns the number of the one that got no error. All others have to
// get the error lost.
func race(lost error, run func(i int) error) (winner int, err error) {
	winners := 0
	for i, err := range atOnce(racers, run) {
		switch {
		case err == nil:
			winner = i
			winners++
		case !errors.Is(err, lost):
			return 0, fmt.Errorf("one of %d Writes at the same time returned the error %w, not %q", racers, err, lost)
		}
	}
	if winners != 1 {
		return 0, fmt.Errorf("%d of %d Writes at the same time returned no error", winners, racers)
	}
	return winner, nil
}

// atOnce calls run with the numbers below n at the same time, and returns what each returned.
func atOnce(n int, run func(i int) error) []error {
	open := make(chan struct{})
	var running []<-chan error
	for i := range n {
		running = append(running, start(func() error {
			<-open
			return run(i)
		}))
	}
	close(open)
	var all []error
	for _, ended := range running {
		all = append(all, <-ended)
	}
	return all
}

func racesTogether(ctx context.Context, s hallpass.Store) error {
	var had []*hallpass.Record
	return races(func(round int) error {
		a, b := record(1000*round), record(1000*round+1)
		if err := create(ctx, s, a, b); err != nil {
			return err
		}
		attempt := func(i int) []hallpass.Change {
			changes := []hallpass.Change{{Old: a, New: version(a, i)}, {Old: b, New: version(b, i)}}
			if i%2 == 1 {
				changes[0], changes[1] = changes[1], changes[0]
			}
			created := hallpass.Change{New: record(1000*round + 2 + i)}
			if i%4 < 2 {
				return append(changes, created)
			}
			return append([]hallpass.Change{created}, changes...)
		}
		var unsupported atomic.Bool
		winner, err := race(hallpass.ErrConflict, func(i int) error {
			err := s.Write(ctx, attempt(i)...)
			if errors.Is(err, errors.ErrUnsupported) {
				unsupported.Store(true)
			}
			return err
		})
		had = append(had, a, b)
		switch {
		case unsupported.Load():
			return keeps(ctx, s, had...)
		case err != nil:
			return err
		}
		had = changed(had, attempt(winner))
		return keeps(ctx, s, had...)
	})
}

func wholeRecords(ctx context.Context, s hallpass.Store) error {
	const writers, versions, readers = 4, 25, 3
	first := version(record(1), 0)
	if err := create(ctx, s, append(records(2, 20), first)...); err != nil {
		return err
	}
	whole := func(r *hallpass.Record) error { return differences(r, version(first, int(r.KeyID&^(1<<62)))) }
	write := func(i int) error {
		for n := range versions {
			r, err := get(ctx, s, first.Token.ID)
			if err != nil {
				return err
			}
			err = s.Write(ctx, hallpass.Change{Old: r, New: version(first, 1+i*versions+n)})
			if err != nil && !errors.Is(err, hallpass.ErrConflict) {
				return fmt.Errorf("a replace of a record that others replace too returned the error %w", err)
			}
		}
		return nil
	}
	read := func() error {
		r, err := get(ctx, s, first.Token.ID)
		if err != nil {
			return err
		}
		return whole(r)
	}
	enumerate := func() error {
		all, err := list(ctx, s, hallpass.Query{Within: hallpass.Workspace(acme)})
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Token.ID == first.Token.ID {
				return whole(r)
			}
		}
		return errors.New("a list did not yield a record that was replaced meanwhile")
	}
	var writing atomic.Int32
	writing.Store(writers)
	all := atOnce(writers+readers, func(i int) error {
		if i < writers {
			defer writing.Add(-1)
			return write(i)
		}
		for n := 0; n < 20 || writing.Load() > 0; n++ {
			look := read
			if i == writers {
				look = enumerate
			}
			if err := look(); err != nil {
				return fmt.Errorf("while others write: %w", err)
			}
		}
		return nil
	})
	return errors.Join(all...)
}
