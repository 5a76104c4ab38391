package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallpass-go/hallpass"
)

// creating has the rules of Write in general, and of the change that creates a record.
func creating() []testCase {
	return []testCase{
		{
			name:        "a Write of nothing is nil",
			explanation: "A Write without changes has nothing to do, and does it.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, record(1)); err != nil {
					return err
				}
				if err := errors.Join(s.Write(ctx), s.Write(ctx, []hallpass.Change{}...)); err != nil {
					return fmt.Errorf("Write without changes returned an error: %w", err)
				}
				return keeps(ctx, s, record(1))
			},
		},
		{
			name:        "a taken ID is ErrExists",
			explanation: "A new record never takes the place of another. Write returns ErrExists and the first stays, even where both are equal.",
			check:       taken,
		},
		{
			name:        "a record that was handed over stays as it was",
			explanation: "A record is immutable once handed over. Write changes neither New nor Old.",
			check:       handedOver,
		},
		{
			name:        "a change that makes no sense is ErrInvalid",
			explanation: "Every store begins its Write with hallpass.CheckChanges: no New, another ID than that of Old, two changes of one ID.",
			check:       senseless,
		},
		{
			name:        "Write with a done context changes nothing",
			explanation: "A context that is done is an error in Write, and then nothing is changed. It is no answer about what is stored.",
			check:       writeEnded,
		},
	}
}

func taken(ctx context.Context, s hallpass.Store) error {
	first := record(1)
	if err := create(ctx, s, first); err != nil {
		return err
	}
	had := []*hallpass.Record{first}
	for _, second := range []*hallpass.Record{
		record(1),
		version(first, 1),
		record(2, func(r *hallpass.Record) { r.Token.ID = first.Token.ID }),
	} {
		if err := refuses(ctx, s, hallpass.ErrExists, had, hallpass.Change{New: second}); err != nil {
			return err
		}
	}
	// It stays taken when its token has ended.
	gone := edited(first, abandon)
	if err := replace(ctx, s, first, gone); err != nil {
		return err
	}
	return refuses(ctx, s, hallpass.ErrExists, []*hallpass.Record{gone}, hallpass.Change{New: record(1)})
}

// abandon makes of r what becomes of a record that was tampered with: one that no key opens.
func abandon(r *hallpass.Record) {
	r.Token.RevokedAt = at(50)
	r.KeyID, r.Verifier, r.Seal = 0, [32]byte{}, [32]byte{}
}

func handedOver(ctx context.Context, s hallpass.Store) error {
	original := record(1, func(r *hallpass.Record) { r.Token.Name, r.Extra = " Name ", " Extra " })
	replaced := version(original, 1)
	first, second := *original, *replaced
	if err := create(ctx, s, &first); err != nil {
		return err
	}
	if err := replace(ctx, s, &first, &second); err != nil {
		return err
	}
	if err := s.Write(ctx, hallpass.Change{Old: &first, New: &second}); !errors.Is(err, hallpass.ErrConflict) {
		return fmt.Errorf("a second replace of the same Old returned %s, not ErrConflict", said(err))
	}
	if err := errors.Join(differences(&first, original), differences(&second, replaced)); err != nil {
		return fmt.Errorf("the record that Write was given, after it: %w", err)
	}
	return nil
}

func senseless(ctx context.Context, s hallpass.Store) error {
	a, b, c := record(1), record(2), record(3)
	had := []*hallpass.Record{a, b}
	if err := create(ctx, s, had...); err != nil {
		return err
	}
	for _, w := range []struct {
		what    string
		changes []hallpass.Change
	}{
		{"a change of nothing", []hallpass.Change{{}}},
		{"an Old without New", []hallpass.Change{{Old: a}}},
		{"an Old without New, after a good change", []hallpass.Change{{New: c}, {Old: a}}},
		{"a New with an ID that is free", []hallpass.Change{{Old: a, New: c}}},
		{"a New with the ID of another record", []hallpass.Change{{Old: a, New: b}}},
		{"a New with another ID, before a good change", []hallpass.Change{{Old: a, New: b}, {New: c}}},
		{"two new records of one ID", []hallpass.Change{{New: c}, {New: c}}},
		{"a new record, and a replace of it", []hallpass.Change{{New: c}, {Old: c, New: version(c, 1)}}},
		{"two replaces of one record", []hallpass.Change{{Old: a, New: version(a, 1)}, {New: c}, {Old: a, New: version(a, 2)}}},
		{"two replaces, one after the other", []hallpass.Change{{Old: a, New: version(a, 1)}, {Old: version(a, 1), New: version(a, 2)}}},
	} {
		if err := refuses(ctx, s, hallpass.ErrInvalid, had, w.changes...); err != nil {
			return fmt.Errorf("%s: %w", w.what, err)
		}
	}
	return nil
}

func writeEnded(ctx context.Context, s hallpass.Store) error {
	if err := create(ctx, s, record(1)); err != nil {
		return err
	}
	writes := [][]hallpass.Change{
		{{New: record(2)}},
		{{Old: record(1), New: version(record(1), 1)}},
		{{New: record(2)}, {Old: record(1), New: version(record(1), 1)}},
	}
	return ended(ctx, func(done context.Context) error {
		for _, changes := range writes {
			err := s.Write(done, changes...)
			for _, answer := range []error{nil, hallpass.ErrExists, hallpass.ErrNotFound, hallpass.ErrConflict, hallpass.ErrInvalid} {
				if errors.Is(err, answer) {
					return fmt.Errorf("a Write of %d good changes returned %s", len(changes), said(err))
				}
			}
			if wrong := keeps(ctx, s, record(1)); wrong != nil {
				return fmt.Errorf("a Write of %d changes returned %s, and changed something: %w", len(changes), said(err), wrong)
			}
		}
		return nil
	})
}
