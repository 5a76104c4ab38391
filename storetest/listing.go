package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// many is how many records it takes to cross the borders of pages that a store reads them in.
const many = 700

// listing has the rules on how List yields.
func listing() []testCase {
	return []testCase{
		{
			name:        "the order is that of IDs as bytes",
			explanation: "List yields records in the order of their IDs, compared byte by byte, not as some language sorts them.",
			check: func(ctx context.Context, s hallpass.Store) error {
				all := records(100, 130)
				for i, id := range []hallpass.ID{
					"b", "B", "a", "A", "aB", "ab", "Ab", "a-b", "a_b", "a.b", "a~", "a0", "aa", "!", "~", "-", "_", "9", "10", "2", "Z", "z", "zz",
				} {
					all = append(all, record(i, func(r *hallpass.Record) { r.Token.ID = id }))
				}
				return comesBack(ctx, s, all...)
			},
		},
		{
			name:        "After is exclusive",
			explanation: "List yields IDs greater than After, byte by byte, whether or not there is a record with that ID.",
			check:       after,
		},
		{
			name:        "Limit ends the list",
			explanation: "List yields at most Limit records of those that match, the first ones. The Limit 0 is none.",
			check: func(ctx context.Context, s hallpass.Store) error {
				all := append(tree(), records(1000, 1020)...)
				if err := create(ctx, s, all...); err != nil {
					return err
				}
				for _, limit := range []int{0, 1, 2, 3, len(all) - 1, len(all), len(all) + 1, 1 << 20} {
					for _, q := range []hallpass.Query{
						{All: true}, {Within: hallpass.Workspace(acme)}, {Within: hallpass.Workspace(acme), Only: true}, {Within: hallpass.Project("globex", "core")},
					} {
						q.Limit = limit
						if err := yields(ctx, s, q, all); err != nil {
							return err
						}
					}
				}
				return nil
			},
		},
		{
			name:        "Limit and After go on without gap or repeat",
			explanation: "A list that begins after the last ID of another one goes on where that ended.",
			check:       resumes,
		},
		{
			name:        "a long list is whole",
			explanation: "A store may read its records in pages. List yields all that match, across the borders of pages, wherever it begins and ends.",
			check:       longLists,
		},
		{
			name:        "a list can be ranged over again",
			explanation: "Each range over what List returned reads anew, from its beginning.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, records(0, many)...); err != nil {
					return err
				}
				list := s.List(ctx, hallpass.Query{All: true})
				for range 2 {
					n := 0
					for _, err := range list {
						if err != nil {
							return fmt.Errorf("List yielded an error: %w", err)
						}
						n++
					}
					if n != many {
						return fmt.Errorf("of %d records, a range over one list yielded %d", many, n)
					}
				}
				return nil
			},
		},
		{
			name:        "a list can be broken off",
			explanation: "A caller may leave the range loop at any record. Nothing stays locked or open, and the store works as before.",
			check:       brokenOff,
		},
		{
			name:        "List with a done context yields an error and ends",
			explanation: "A context that is done is an error in List. After an error a list ends.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, records(0, 10)...); err != nil {
					return err
				}
				return ended(ctx, func(ctx context.Context) error {
					yielded, wrong := walk(ctx, s, hallpass.Query{All: true}, func(*hallpass.Record) bool { return true })
					if wrong == nil && yielded == nil {
						return errors.New("List ended without an error")
					}
					return wrong
				})
			},
		},
		{
			name:        "a list ends when its context is done midway",
			explanation: "When the context is done between two records, a list ends soon, with an error, or at its end.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, records(0, many)...); err != nil {
					return err
				}
				for _, last := range []int{1, 300} {
					midway, cancel := context.WithCancel(ctx)
					n := 0
					_, wrong := walk(midway, s, hallpass.Query{All: true}, func(*hallpass.Record) bool {
						if n++; n == last {
							cancel()
						}
						return true
					})
					cancel()
					if wrong != nil {
						return fmt.Errorf("the context was done after record %d: %w", last, wrong)
					}
				}
				return yields(ctx, s, hallpass.Query{All: true}, records(0, many))
			},
		},
		{
			name: "a list goes on while records are written",
			explanation: "The caller may read, write and list in the range loop of a list. " +
				"Records that were there before are yielded once each, as they were or as they are.",
			check: writesWhileListing,
		},
	}
}

func after(ctx context.Context, s hallpass.Store) error {
	all := append(records(1000, 1020), tree()...)
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	for _, id := range append(ids(all), "0", "z", "A", "zzzzzzzzzzzzzzzzzzzzz", "~", " ", "a", "Z") {
		for _, from := range []hallpass.ID{id, id + "0", id[:len(id)-1]} {
			for _, q := range []hallpass.Query{
				{All: true}, {All: true, Limit: 2}, {Within: hallpass.Workspace(acme)}, {Within: hallpass.Repository(acme, "api"), Only: true},
			} {
				q.After = from
				if err := yields(ctx, s, q, all); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func resumes(ctx context.Context, s hallpass.Store) error {
	all := append(records(1000, 1250), tree()...)
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	for _, limit := range []int{1, 7, 100, 250, 280} {
		for _, q := range []hallpass.Query{{All: true}, {Within: hallpass.Repository(acme, "api")}, {Within: hallpass.Project(acme, "core")}} {
			want := answer(q, all)
			var got []*hallpass.Record
			for q.Limit = limit; ; q.After = got[len(got)-1].Token.ID {
				page, err := list(ctx, s, q)
				if err != nil {
					return err
				}
				got = append(got, page...)
				if len(page) < limit || len(got) > len(want) {
					break
				}
			}
			q.After = ""
			if !slices.Equal(ids(got), ids(want)) {
				return fmt.Errorf("%s, and so on after the last ID of each, yielded %d records, not %d, or in another order", shown(q), len(got), len(want))
			}
		}
	}
	return nil
}

func longLists(ctx context.Context, s hallpass.Store) error {
	all := append(records(1000, 1000+many), tree()...)
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	sorted := answer(hallpass.Query{All: true}, all)
	for _, q := range []hallpass.Query{
		{All: true}, {Within: hallpass.Workspace(acme)}, {Within: hallpass.Repository(acme, "api"), Only: true}, {Within: hallpass.Project("globex", "core")},
	} {
		for _, limit := range []int{0, 256, 257, 500, 512, 513, 600} {
			for _, from := range []hallpass.ID{"", sorted[200].Token.ID} {
				q.Limit, q.After = limit, from
				if err := yields(ctx, s, q, all); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func brokenOff(ctx context.Context, s hallpass.Store) error {
	all := answer(hallpass.Query{All: true}, records(0, 300))
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	for i, last := range []int{1, 2, 256, 257, 300} {
		n := 0
		for _, err := range s.List(ctx, hallpass.Query{All: true}) {
			if err != nil {
				return fmt.Errorf("List yielded an error: %w", err)
			}
			if n++; n == last {
				break
			}
		}
		next := version(all[i], 1)
		if err := replace(ctx, s, all[i], next); err != nil {
			return fmt.Errorf("after a list was broken off: %w", err)
		}
		all[i] = next
	}
	return keeps(ctx, s, all...)
}
