package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// writesWhileListing is the rule that the range loop of a list may use the store.
func writesWhileListing(ctx context.Context, s hallpass.Store) error {
	all := answer(hallpass.Query{All: true}, records(0, many))
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	now := slices.Clone(all)
	var got []*hallpass.Record
	var failed error
	yielded, wrong := walk(ctx, s, hallpass.Query{All: true}, func(r *hallpass.Record) bool {
		got = append(got, r)
		if i := len(got); i%7 == 0 && i+20 < len(all) {
			now[i-1], now[i+19] = version(all[i-1], 1), version(all[i+19], 1)
			now = append(now, record(many+i))
			failed = cmp.Or(
				replace(ctx, s, all[i-1], now[i-1]),
				replace(ctx, s, all[i+19], now[i+19]),
				create(ctx, s, record(many+i)),
				holds(ctx, s, now[i+19]),
				yields(ctx, s, hallpass.Query{All: true, Limit: 3}, now))
		}
		return failed == nil
	})
	switch {
	case failed != nil:
		return fmt.Errorf("in the range loop of a list: %w", failed)
	case wrong != nil:
		return wrong
	case yielded != nil:
		return fmt.Errorf("a list in whose range loop records were written yielded an error: %w", yielded)
	}
	if err := onceEach(got, all, now); err != nil {
		return fmt.Errorf("a list in whose range loop records were written: %w", err)
	}
	return keeps(ctx, s, now...)
}

// onceEach reports unless a list that yielded got is right, in a store that had all before, and has now after it.
func onceEach(got, all, now []*hallpass.Record) error {
	before, after := byID(all), byID(now)
	seen := map[hallpass.ID]bool{}
	for _, r := range got {
		id := r.Token.ID
		switch {
		case seen[id]:
			return fmt.Errorf("it yielded %q twice", id)
		case after[id] == nil:
			return fmt.Errorf("it yielded %q, which nobody wrote", id)
		case before[id] == nil || *r != *before[id]:
			if err := differences(r, after[id]); err != nil {
				return err
			}
		}
		seen[id] = true
	}
	for id := range before {
		if !seen[id] {
			return fmt.Errorf("it did not yield %q", id)
		}
	}
	if !slices.IsSorted(ids(got)) {
		return errors.New("it yielded IDs that are not in order")
	}
	return nil
}

// byID returns records by their IDs.
func byID(all []*hallpass.Record) map[hallpass.ID]*hallpass.Record {
	m := make(map[hallpass.ID]*hallpass.Record, len(all))
	for _, r := range all {
		m[r.Token.ID] = r
	}
	return m
}
