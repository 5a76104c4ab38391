package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// writingFaults are of Write.
func writingFaults() []fault {
	const exists, senseless, done, replaces, zero = "a taken ID is ErrExists", "a change that makes no sense is ErrInvalid", "Write with a done context changes nothing",
		"a replace writes what may change and leaves the rest", "a replace writes zero values too"
	const seal, conflict, good, bad = "a replace compares the Seal and nothing else", "another Seal is ErrConflict",
		"several good changes are all made", "several changes are made all or none"
	return []fault{
		{"has an error for a Write of nothing", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if len(changes) == 0 {
				return errors.New("near \"VALUES\": syntax error")
			}
			return f.write(ctx, changes...)
		}), map[string]string{"a Write of nothing is nil": "syntax error"}},
		{"creates over what is there", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrExists) {
				return f.force(ctx, changes[0].New)
			}
			return err
		}), map[string]string{exists: "Write returned no error"}},
		{"creates over what is there, and says so", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrExists) {
				err = errors.Join(err, f.force(ctx, changes[0].New))
			}
			return err
		}), map[string]string{exists: "and changed something"}},
		{"does not say that an ID is taken", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrExists) {
				err = nil
			}
			return err
		}), map[string]string{exists: "Write returned no error"}},
		{"tidies the record that it is given", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			for _, c := range changes {
				c.New.Extra = strings.TrimSpace(c.New.Extra)
			}
			return f.write(ctx, changes...)
		}), map[string]string{"a record that was handed over stays as it was": `Extra is "Extra", not " Extra "`}},
		{"passes by a change without New", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			changes = slices.DeleteFunc(slices.Clone(changes), func(c hallpass.Change) bool { return c.New == nil })
			return f.write(ctx, changes...)
		}), map[string]string{senseless: "a change of nothing: Write returned no error"}},
		{"makes changes one after the other", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			for _, c := range changes {
				if err := f.write(ctx, c); err != nil {
					return err
				}
			}
			return nil
		}), map[string]string{senseless: "and changed something", bad: "and changed something"}},
		{"changes an ID", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if len(changes) == 1 && changes[0].Old != nil && changes[0].New != nil && changes[0].Old.Token.ID != changes[0].New.Token.ID {
				return f.force(ctx, changes[0].New)
			}
			return f.write(ctx, changes...)
		}), map[string]string{senseless: "a New with an ID that is free: Write returned no error"}},
		{"ignores the context of Write", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			return f.write(context.WithoutCancel(ctx), changes...)
		}), map[string]string{done: "returned no error"}},
		{"looks at the context after it wrote", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			return errors.Join(f.write(context.WithoutCancel(ctx), changes...), ctx.Err())
		}), map[string]string{done: "and changed something"}},
		{"takes a done context for a conflict", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if ctx.Err() != nil {
				return hallpass.ErrConflict
			}
			return f.write(ctx, changes...)
		}), map[string]string{done: "good changes returned the error"}},
		{"does not write KeyID", onReplace(func(stored, new *hallpass.Record) { new.KeyID = stored.KeyID }), map[string]string{replaces: "with another KeyID"}},
		{"does not write ReplacedBy", onReplace(func(stored, new *hallpass.Record) { new.Token.ReplacedBy = stored.Token.ReplacedBy }), map[string]string{replaces: "with another ReplacedBy"}},
		{"writes a new CreatedAt", onReplace(func(stored, new *hallpass.Record) { new.Token.CreatedAt = stored.Token.CreatedAt.Add(time.Hour) }), map[string]string{replaces: "Token.CreatedAt is"}},
		{"forgets Replaces when it replaces", onReplace(func(stored, new *hallpass.Record) { new.Token.Replaces = "" }), map[string]string{replaces: "Token.Replaces is"}},
		{"passes by zero values", onReplace(func(stored, new *hallpass.Record) {
			if new.Verifier == [32]byte{} {
				new.Verifier = stored.Verifier
			}
			if new.KeyID == 0 {
				new.KeyID = stored.KeyID
			}
		}), map[string]string{zero: "KeyID is 4611686018427387905, not 0"}},
		{"passes by the empty text", onReplace(func(stored, new *hallpass.Record) {
			if new.Extra == "" {
				new.Extra = stored.Extra
			}
		}), map[string]string{zero: `Extra is "version 1", not ""`}},
		{"counts the rows that were changed", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if c := changes[0]; c.Old != nil && *c.Old == *c.New {
				return hallpass.ErrConflict
			}
			return f.write(ctx, changes...)
		}), map[string]string{"a replace that changes nothing is nil": "conflict"}},
		{"compares Verifiers", onCompare(func(stored, old *hallpass.Record) bool { return stored.Verifier == old.Verifier }), map[string]string{seal: "conflict", conflict: "Write returned no error"}},
		{"compares all of Old", onCompare(func(stored, old *hallpass.Record) bool { return *stored == *old }), map[string]string{seal: "conflict"}},
		{"compares nothing", onCompare(func(stored, old *hallpass.Record) bool { return true }), map[string]string{conflict: "Write returned no error"}},
		{"compares Seals as texts", onCompare(func(stored, old *hallpass.Record) bool { return bytes.EqualFold(stored.Seal[:], old.Seal[:]) }), map[string]string{conflict: "4141"}},
		{"takes the zero Seal for any", onCompare(func(stored, old *hallpass.Record) bool { return old.Seal == stored.Seal || old.Seal == [32]byte{} }), map[string]string{conflict: "Write returned no error"}},
		{"writes, then says that it conflicts", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrConflict) {
				err = errors.Join(err, f.force(ctx, changes[0].New))
			}
			return err
		}), map[string]string{conflict: "and changed something"}},
		{"creates what it should replace", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrNotFound) {
				return f.force(ctx, changes[0].New)
			}
			return err
		}), map[string]string{"a replace of what is not there is ErrNotFound": "Write returned no error"}},
		{"takes what is not there for a conflict", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			err := f.write(ctx, changes...)
			if errors.Is(err, hallpass.ErrNotFound) {
				err = hallpass.ErrConflict
			}
			return err
		}), map[string]string{"a replace of what is not there is ErrNotFound": `conflict", not`, bad: "conflict"}},
		{"makes the first change only", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			return f.write(ctx, changes[:min(1, len(changes))]...)
		}), map[string]string{good: "not found"}},
		{"makes a change before it says that it cannot make several", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if err := f.write(ctx, changes[:min(1, len(changes))]...); err != nil {
				return err
			}
			if len(changes) > 1 {
				return errors.ErrUnsupported
			}
			return nil
		}), map[string]string{good: "exists already"}},
	}
}

// racingFaults are of calls at the same time.
func racingFaults() []fault {
	const replaces, creates, several = "of racing replaces one wins", "of racing creates one wins", "of racing Writes of several changes one wins"
	return []fault{
		{"looks, then writes", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			stored, err := f.get(ctx, changes[0].New.Token.ID)
			time.Sleep(5 * time.Millisecond)
			switch c := changes[0]; {
			case c.Old == nil && err == nil:
				return hallpass.ErrExists
			case c.Old != nil && err != nil:
				return err
			case c.Old != nil && stored.Seal != c.Old.Seal:
				return hallpass.ErrConflict
			}
			for _, c := range changes {
				if err := f.force(ctx, c.New); err != nil {
					return err
				}
			}
			return nil
		}), map[string]string{replaces: "returned no error", creates: "returned no error", several: "returned no error"}},
		{"is busy", func(f *fake) {
			var mu sync.Mutex
			write := f.write
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				if !mu.TryLock() {
					return errors.New("database is locked")
				}
				defer mu.Unlock()
				time.Sleep(time.Millisecond)
				return write(ctx, changes...)
			}
		}, map[string]string{replaces: "database is locked", creates: "database is locked", several: "database is locked", "readers see whole records": "database is locked"}},
		{"locks itself out", locksInOrder, map[string]string{several: "deadlock"}},
		{"lets no one win", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if len(changes) > 0 && changes[0].Old != nil {
				return hallpass.ErrConflict
			}
			return f.write(ctx, changes...)
		}), map[string]string{replaces: "0 of 16 Writes"}},
		{"writes Seal and Verifier one after the other", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if c := changes[0]; c.Old != nil {
				half := edited(c.Old, func(r *hallpass.Record) { r.Seal = c.New.Seal })
				if err := f.write(ctx, hallpass.Change{Old: c.Old, New: half}); err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				return f.force(ctx, c.New)
			}
			return f.write(ctx, changes...)
		}), map[string]string{"readers see whole records": "while others write"}},
	}
}

// locksInOrder locks the records of a Write in the order of its changes, and gives up when another Write has one.
func locksInOrder(f *fake) {
	var mu sync.Mutex
	locked := map[hallpass.ID]bool{}
	unlock := func(changes []hallpass.Change) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changes {
			delete(locked, c.New.Token.ID)
		}
	}
	lock := func(id hallpass.ID) bool {
		for range 20 {
			mu.Lock()
			free := !locked[id]
			locked[id] = true
			mu.Unlock()
			if free {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		return false
	}
	write := f.write
	f.write = func(ctx context.Context, changes ...hallpass.Change) error {
		for i, c := range changes {
			if !lock(c.New.Token.ID) {
				unlock(changes[:i])
				return errors.New("deadlock detected")
			}
			time.Sleep(time.Millisecond)
		}
		defer unlock(changes)
		return write(ctx, changes...)
	}
}
