package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// create writes new records, a hundred at a time if the store does that.
func create(ctx context.Context, s hallpass.Store, all ...*hallpass.Record) error {
	for some := range slices.Chunk(all, 100) {
		var changes []hallpass.Change
		for _, r := range some {
			changes = append(changes, hallpass.Change{New: r})
		}
		err := s.Write(ctx, changes...)
		if err != nil && !(errors.Is(err, errors.ErrUnsupported) && len(changes) > 1) {
			return fmt.Errorf("Write of %d new records returned an error: %w", len(changes), err)
		}
		for i := 0; err != nil && i < len(changes); i++ {
			if err := s.Write(ctx, changes[i]); err != nil {
				return fmt.Errorf("Write of a new record, after one of several had returned errors.ErrUnsupported, returned an error: %w", err)
			}
		}
	}
	return nil
}

// replace writes one change of a record that is there.
func replace(ctx context.Context, s hallpass.Store, old, new *hallpass.Record) error {
	if err := s.Write(ctx, hallpass.Change{Old: old, New: new}); err != nil {
		return fmt.Errorf("a replace whose Old has the stored Seal returned an error: %w", err)
	}
	return nil
}

// refuses makes changes, and reports unless that is the error want and the store then still has what it had.
func refuses(ctx context.Context, s hallpass.Store, want error, had []*hallpass.Record, changes ...hallpass.Change) error {
	if err := s.Write(ctx, changes...); !errors.Is(err, want) {
		return fmt.Errorf("Write returned %s, not %q", said(err), want)
	}
	if err := keeps(ctx, s, had...); err != nil {
		return fmt.Errorf("Write returned %q, as it should, and changed something: %w", want, err)
	}
	return nil
}

// said shows what a method returned.
func said(err error) string {
	if err == nil {
		return "no error"
	}
	return fmt.Sprintf("the error %q", err)
}

// comesBack writes new records and reports unless the store has them then.
func comesBack(ctx context.Context, s hallpass.Store, all ...*hallpass.Record) error {
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	return keeps(ctx, s, all...)
}

// keeps reports unless the store has just these records, as Get and as List tell.
func keeps(ctx context.Context, s hallpass.Store, all ...*hallpass.Record) error {
	for _, r := range all {
		if err := holds(ctx, s, r); err != nil {
			return err
		}
	}
	return yields(ctx, s, hallpass.Query{All: true}, all)
}

// holds reports unless Get returns want.
func holds(ctx context.Context, s hallpass.Store, want *hallpass.Record) error {
	got, err := get(ctx, s, want.Token.ID)
	if err != nil {
		return err
	}
	return differences(got, want)
}

// get returns the record with this ID, which has to be there.
func get(ctx context.Context, s hallpass.Store, id hallpass.ID) (*hallpass.Record, error) {
	r, err := s.Get(ctx, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("Get(%q) returned the error %w, and the record should be there", id, err)
	case r == nil:
		return nil, fmt.Errorf("Get(%q) returned neither a record nor an error", id)
	}
	return r, nil
}

// absent reports unless Get returns ErrNotFound.
func absent(ctx context.Context, s hallpass.Store, id hallpass.ID) error {
	r, err := s.Get(ctx, id)
	switch {
	case errors.Is(err, hallpass.ErrNotFound):
		return nil
	case err == nil && r != nil:
		return fmt.Errorf("Get(%q) returned the record with the ID %q, not ErrNotFound", id, r.Token.ID)
	}
	return fmt.Errorf("Get(%q) returned %s, not ErrNotFound", id, said(err))
}

// endless is more records than any check writes.
const endless = 10_000

// walk lists, and calls body with each record until it returns false. It returns the error that the list yielded, and another
// one if the list did what none may do. A list that goes on after it was broken off panics.
func walk(ctx context.Context, s hallpass.Store, q hallpass.Query, body func(*hallpass.Record) bool) (yielded, wrong error) {
	n := 0
	for r, err := range s.List(ctx, q) {
		n++
		switch {
		case yielded != nil:
			return yielded, fmt.Errorf("%s went on after it had yielded the error %q", shown(q), yielded)
		case n > endless:
			return nil, fmt.Errorf("%s yielded %d times in a store with fewer records", shown(q), n)
		case err != nil:
			yielded = err // and on, to see whether it ends by itself
		case r == nil:
			return nil, fmt.Errorf("%s yielded neither a record nor an error", shown(q))
		case !body(r):
			return nil, nil
		}
	}
	return yielded, nil
}

// list returns what is listed.
func list(ctx context.Context, s hallpass.Store, q hallpass.Query) (all []*hallpass.Record, err error) {
	yielded, wrong := walk(ctx, s, q, func(r *hallpass.Record) bool {
		all = append(all, r)
		return true
	})
	if wrong == nil && yielded != nil {
		wrong = fmt.Errorf("%s yielded an error: %w", shown(q), yielded)
	}
	return all, wrong
}

// answer returns those of all records that q is meant to yield, in order.
func answer(q hallpass.Query, all []*hallpass.Record) (want []*hallpass.Record) {
	for _, r := range all {
		if q.Matches(r) {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, func(a, b *hallpass.Record) int { return cmp.Compare(a.Token.ID, b.Token.ID) })
	if q.Limit > 0 && len(want) > q.Limit {
		want = want[:q.Limit]
	}
	return want
}

// yields reports unless the list of q is what it should be in a store that has all these records and no others.
func yields(ctx context.Context, s hallpass.Store, q hallpass.Query, all []*hallpass.Record) error {
	got, err := list(ctx, s, q)
	if err != nil {
		return err
	}
	want := answer(q, all)
	if g, w := ids(got), ids(want); !slices.Equal(g, w) {
		i := 0
		for i < min(len(g), len(w)) && g[i] == w[i] {
			i++
		}
		return fmt.Errorf("%s of %d records yielded %d, not %d; number %d is %s, not %s", shown(q), len(all), len(g), len(w), i, nth(got, i), nth(want, i))
	}
	for i := range want {
		if err := differences(got[i], want[i]); err != nil {
			return fmt.Errorf("%s: %w", shown(q), err)
		}
	}
	return nil
}

// ids returns the IDs of records.
func ids(all []*hallpass.Record) (ids []hallpass.ID) {
	for _, r := range all {
		ids = append(ids, r.Token.ID)
	}
	return ids
}

// nth shows one record of a list.
func nth(all []*hallpass.Record, i int) string {
	if i >= len(all) {
		return "missing"
	}
	return fmt.Sprintf("%q of %q", all[i].Token.ID, all[i].Token.Resource)
}

// shown shows a query.
func shown(q hallpass.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "List of {Within: %q", q.Within)
	if in := q.Within.Project(); in != "" && q.Within.Repository() != "" {
		fmt.Fprintf(&b, " In(%q)", in)
	}
	if q.Only {
		b.WriteString(", Only")
	}
	if q.All {
		b.WriteString(", All")
	}
	if q.After != "" {
		fmt.Fprintf(&b, ", After: %q", q.After)
	}
	if q.Limit != 0 {
		fmt.Fprintf(&b, ", Limit: %d", q.Limit)
	}
	return b.String() + "}"
}
