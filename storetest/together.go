package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// together has the rules of a Write of several changes.
func together() []testCase {
	return []testCase{
		{
			name: "several good changes are all made",
			explanation: "Write makes all of its changes. A store that can make only one at a time returns errors.ErrUnsupported, " +
				"and makes none.",
			check: severalGood,
		},
		{
			name:        "several changes are made all or none",
			explanation: "One change that cannot be made keeps all from being made, in whatever order they come.",
			check:       severalBad,
		},
	}
}

func severalGood(ctx context.Context, s hallpass.Store) error {
	had := records(0, 50)
	if err := create(ctx, s, had...); err != nil {
		return err
	}
	var replaces, creates []hallpass.Change
	for i, r := range had {
		replaces = append(replaces, hallpass.Change{Old: r, New: version(r, i)})
		creates = append(creates, hallpass.Change{New: record(50 + i)})
	}
	for _, changes := range [][]hallpass.Change{
		{replaces[0], creates[0]},
		{creates[1], replaces[1]},
		replaces[2:4],
		creates[2:4],
		slices.Concat(replaces[4:], creates[4:]),
	} {
		err := s.Write(ctx, changes...)
		switch {
		case err == nil:
			had = changed(had, changes)
		case !errors.Is(err, errors.ErrUnsupported):
			return fmt.Errorf("Write of %d good changes returned an error: %w", len(changes), err)
		}
		if wrong := keeps(ctx, s, had...); wrong != nil {
			return fmt.Errorf("after a Write of %d good changes that returned %s: %w", len(changes), said(err), wrong)
		}
	}
	return nil
}

// changed returns what becomes of records by changes.
func changed(all []*hallpass.Record, changes []hallpass.Change) []*hallpass.Record {
	all = slices.Clone(all)
	for _, c := range changes {
		i := slices.IndexFunc(all, func(r *hallpass.Record) bool { return r.Token.ID == c.New.Token.ID })
		if i < 0 {
			all = append(all, c.New)
		} else {
			all[i] = c.New
		}
	}
	return all
}

func severalBad(ctx context.Context, s hallpass.Store) error {
	a, b, c, missing := record(1), record(2), record(3), record(4)
	had := []*hallpass.Record{a, b}
	if err := create(ctx, s, had...); err != nil {
		return err
	}
	creates := hallpass.Change{New: c}
	replaces := hallpass.Change{Old: b, New: version(b, 1)}
	for _, w := range []struct {
		what string
		bad  hallpass.Change
		want error
	}{
		{"another Seal", hallpass.Change{Old: version(a, 1), New: version(a, 2)}, hallpass.ErrConflict},
		{"a taken ID", hallpass.Change{New: a}, hallpass.ErrExists},
		{"a replace of what is not there", hallpass.Change{Old: missing, New: version(missing, 1)}, hallpass.ErrNotFound},
	} {
		for _, changes := range [][]hallpass.Change{
			{creates, w.bad}, {w.bad, creates}, {replaces, w.bad}, {w.bad, replaces}, {creates, w.bad, replaces}, {replaces, creates, w.bad},
		} {
			err := s.Write(ctx, changes...)
			if !errors.Is(err, w.want) && !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("%s among %d changes: Write returned %s, not %q", w.what, len(changes), said(err), w.want)
			}
			if wrong := keeps(ctx, s, had...); wrong != nil {
				return fmt.Errorf("%s among %d changes: Write returned %s, and changed something: %w", w.what, len(changes), said(err), wrong)
			}
		}
	}
	return nil
}
