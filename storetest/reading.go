package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/hallpass-go/hallpass"
)

// reading has the rules of Get.
func reading() []testCase {
	return []testCase{
		{
			name:        "an unknown ID is ErrNotFound",
			explanation: "Get returns ErrNotFound for an ID that no record has. Any other answer means that the store could not tell.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := absent(ctx, s, idOf(1)); err != nil {
					return err
				}
				if err := create(ctx, s, records(1, 4)...); err != nil {
					return err
				}
				return errors.Join(absent(ctx, s, idOf(4)), absent(ctx, s, ""))
			},
		},
		{
			name:        "the record has an ID of its own",
			explanation: "The ID that Get is asked for may share memory with a secret. The record that it returns must not.",
			check:       ownID,
		},
		{
			name:        "Get does not retain the ID",
			explanation: "The ID that Get is asked for may share memory with a secret. Neither a cache nor an index may keep it: clone it.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, records(1, 3)...); err != nil {
					return err
				}
				return errors.Join(retained(ctx, s, idOf(1)), retained(ctx, s, idOf(3)))
			},
		},
		{
			name:        "a record that was handed out stays as it was",
			explanation: "A record is immutable once handed over. A replace makes another one, and changes none that a caller has.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, record(1)); err != nil {
					return err
				}
				got, err := get(ctx, s, idOf(1))
				if err != nil {
					return err
				}
				listed, err := list(ctx, s, hallpass.Query{All: true})
				if err != nil {
					return err
				}
				if err := replace(ctx, s, record(1), version(record(1), 1)); err != nil {
					return err
				}
				if err := keeps(ctx, s, version(record(1), 1)); err != nil {
					return err
				}
				for _, r := range append(listed, got) {
					if err := differences(r, record(1)); err != nil {
						return fmt.Errorf("a record from before a replace, after it: %w", err)
					}
				}
				return nil
			},
		},
		{
			name:        "Get with a done context is an error",
			explanation: "A context that is done is an error in Get, and not ErrNotFound where the record is there.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, record(1)); err != nil {
					return err
				}
				return ended(ctx, func(ctx context.Context) error {
					if _, err := s.Get(ctx, idOf(1)); err == nil || errors.Is(err, hallpass.ErrNotFound) {
						return fmt.Errorf("Get of a record that is there returned %s", said(err))
					}
					return nil
				})
			},
		},
	}
}

// ended calls check with contexts that are done.
func ended(ctx context.Context, check func(context.Context) error) error {
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	defer cancel()
	for _, ctx := range []context.Context{canceled, late} {
		if err := check(ctx); err != nil {
			return fmt.Errorf("with a context that is done (%v): %w", ctx.Err(), err)
		}
	}
	return nil
}

// ownID overwrites the memory of an ID that it asked for.
func ownID(ctx context.Context, s hallpass.Store) error {
	if err := create(ctx, s, records(1, 3)...); err != nil {
		return err
	}
	memory := []byte(idOf(1))
	r, err := get(ctx, s, alias(memory))
	if err != nil {
		return err
	}
	copy(memory, idOf(2))
	if err := differences(r, record(1)); err != nil {
		return fmt.Errorf("after the memory of the ID that was asked for was overwritten: %w", err)
	}
	return nil
}

// alias returns an ID that is those bytes, and changes with them.
func alias(memory []byte) hallpass.ID {
	return hallpass.ID(unsafe.String(unsafe.SliceData(memory), len(memory)))
}

// retained reports whether the store still has an ID, of a record or not, after it was asked for it: in a way that shows in
// what it answers, or at all.
func retained(ctx context.Context, s hallpass.Store, id hallpass.ID) error {
	freed := make(chan struct{})
	err := <-start(func() error {
		memory := []byte(id)
		runtime.AddCleanup(unsafe.SliceData(memory), func(freed chan struct{}) { close(freed) }, freed)
		asked := alias(memory)
		if _, err := s.Get(ctx, asked); err != nil && !errors.Is(err, hallpass.ErrNotFound) {
			return fmt.Errorf("Get(%q) returned %s", id, said(err))
		}
		copy(memory, idOf(2))
		err := errors.Join(holds(ctx, s, record(2)), absent(ctx, s, idOf(3)), keeps(ctx, s, records(1, 3)...))
		if err != nil {
			return fmt.Errorf("after the memory of an ID that was asked for was overwritten: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for range 20 {
		// What a database driver keeps of its last call is forgotten with the next.
		if err := errors.Join(holds(ctx, s, record(1)), absent(ctx, s, idOf(4))); err != nil {
			return err
		}
		runtime.GC()
		select {
		case <-freed:
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the memory of an ID that was asked for was not freed: something still has it")
}
