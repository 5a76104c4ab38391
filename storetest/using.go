package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hallpass-go/hallpass"
)

// using has the rules on last-used times. They are of whole minutes here, for a store may keep no more.
func using() []testCase {
	return []testCase{
		{
			name:        "a newer use wins",
			explanation: "RecordUses keeps the newest time of each token. A time that is older than the one it has changes nothing.",
			check:       useStore(newestWins),
		},
		{
			name:        "without a use there is no last use",
			explanation: "LastUses returns nothing for an ID that no use was noted of, whether or not there is a record with it.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				if err := s.lastUses(ctx, []hallpass.ID{idOf(1)}, nil); err != nil {
					return err
				}
				if err := create(ctx, s, records(1, 4)...); err != nil {
					return err
				}
				if err := s.RecordUses(ctx, []hallpass.Use{{ID: idOf(2), At: minute(1)}}); err != nil {
					return fmt.Errorf("RecordUses returned an error: %w", err)
				}
				return s.lastUses(ctx, []hallpass.ID{idOf(1), idOf(2), idOf(3), idOf(4)}, map[hallpass.ID]time.Time{idOf(2): minute(1)})
			}),
		},
		{
			name:        "IDs that look alike have uses of their own",
			explanation: "The IDs of uses are compared byte for byte, as those of records are.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				all := []hallpass.ID{"Strasse7strasse7Stra", "strasse7strasse7stra", "STRASSE7STRASSE7STRA", "Strasse7strasse7Str", "Strasse7strasse7Straa"}
				return s.noted(ctx, variants(func(r *hallpass.Record, id hallpass.ID) { r.Token.ID = id }, all[:4]...), all)
			}),
		},
		{
			name:        "many uses can be noted at once",
			explanation: "RecordUses and LastUses take any number of tokens. A store that can send only so many at a time sends several times.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				return s.noted(ctx, records(0, many), ids(records(0, many)))
			}),
		},
		{
			name:        "of uses noted at the same time the newest stays",
			explanation: "RecordUses is safe for concurrent use. Whatever the order in which calls are served, the newest time stays.",
			check:       useStore(newestStays),
		},
		{
			name:        "uses leave the records alone",
			explanation: "Last-used times are kept beside the records. To note one changes no record, and so no Seal; a replace changes no last use.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				all := records(1, 3)
				if err := s.noted(ctx, all, ids(all)); err != nil {
					return err
				}
				if err := keeps(ctx, s, all...); err != nil {
					return err
				}
				if err := replace(ctx, s, all[0], version(all[0], 1)); err != nil {
					return err
				}
				return s.lastUses(ctx, ids(all), map[hallpass.ID]time.Time{idOf(1): minute(0), idOf(2): minute(1)})
			}),
		},
		{
			name:        "empty lists of uses are fine",
			explanation: "RecordUses of nothing does nothing, and LastUses of nothing returns nothing.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				if err := errors.Join(s.RecordUses(ctx, nil), s.RecordUses(ctx, []hallpass.Use{})); err != nil {
					return fmt.Errorf("RecordUses of nothing returned an error: %w", err)
				}
				return errors.Join(s.lastUses(ctx, nil, nil), s.lastUses(ctx, []hallpass.ID{}, nil))
			}),
		},
		{
			name:        "uses with a done context are an error",
			explanation: "A context that is done is an error in RecordUses and in LastUses.",
			check: useStore(func(ctx context.Context, s usedStore) error {
				if err := s.noted(ctx, records(1, 2), nil); err != nil {
					return err
				}
				return ended(ctx, func(ctx context.Context) error {
					if s.RecordUses(ctx, []hallpass.Use{{ID: idOf(1), At: minute(5)}}) == nil {
						return errors.New("RecordUses returned no error")
					}
					if _, err := s.LastUses(ctx, []hallpass.ID{idOf(1)}); err == nil {
						return errors.New("LastUses returned no error")
					}
					return nil
				})
			}),
		},
	}
}

// A usedStore is both kinds of store in one.
type usedStore struct {
	hallpass.Store
	hallpass.UseStore
}

// useStore makes a check of a store of one that is for a store with last-used times only.
func useStore(check func(context.Context, usedStore) error) func(context.Context, hallpass.Store) error {
	return func(ctx context.Context, s hallpass.Store) error {
		u, ok := s.(hallpass.UseStore)
		if !ok {
			return errNoUses
		}
		return check(ctx, usedStore{s, u})
	}
}

// minute returns the time of minute n.
func minute(n int) time.Time {
	return time.UnixMicro(1_700_000_040_000_000).UTC().Add(time.Duration(n) * time.Minute)
}

// lastUses reports unless LastUses returns want, in any order.
func (s usedStore) lastUses(ctx context.Context, ids []hallpass.ID, want map[hallpass.ID]time.Time) error {
	uses, err := s.LastUses(ctx, ids)
	if err != nil {
		return fmt.Errorf("LastUses of %d IDs returned an error: %w", len(ids), err)
	}
	got := map[hallpass.ID]time.Time{}
	for _, u := range uses {
		at, known := want[u.ID]
		if _, twice := got[u.ID]; twice || !known {
			return fmt.Errorf("LastUses returned a use of %q at %s that it should not", u.ID, show(u.At))
		}
		if u.At != at {
			return fmt.Errorf("LastUses returned for %q the time %s, not %s", u.ID, show(u.At), show(at))
		}
		got[u.ID] = u.At
	}
	if len(got) != len(want) {
		return fmt.Errorf("LastUses of %d IDs returned %d uses, not %d", len(ids), len(got), len(want))
	}
	return nil
}

// noted creates records, notes a use of each, a minute apart, and reports unless LastUses has these for the IDs asked for.
func (s usedStore) noted(ctx context.Context, all []*hallpass.Record, asked []hallpass.ID) error {
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	var uses []hallpass.Use
	want := map[hallpass.ID]time.Time{}
	for i, r := range all {
		uses = append(uses, hallpass.Use{ID: r.Token.ID, At: minute(i)})
		if slices.Contains(asked, r.Token.ID) {
			want[r.Token.ID] = minute(i)
		}
	}
	if err := s.RecordUses(ctx, uses); err != nil {
		return fmt.Errorf("RecordUses of %d uses returned an error: %w", len(uses), err)
	}
	return s.lastUses(ctx, asked, want)
}

func newestWins(ctx context.Context, s usedStore) error {
	if err := create(ctx, s, records(1, 3)...); err != nil {
		return err
	}
	for _, step := range []struct{ noted, want int }{{10, 10}, {9, 10}, {10, 10}, {11, 11}, {-600000, 11}, {600000, 600000}, {12, 600000}} {
		uses := []hallpass.Use{{ID: idOf(1), At: minute(step.noted)}, {ID: idOf(2), At: minute(20)}}
		if err := s.RecordUses(ctx, uses); err != nil {
			return fmt.Errorf("RecordUses returned an error: %w", err)
		}
		if err := s.lastUses(ctx, []hallpass.ID{idOf(2), idOf(1)}, map[hallpass.ID]time.Time{idOf(1): minute(step.want), idOf(2): minute(20)}); err != nil {
			return fmt.Errorf("after a use at %s was noted: %w", show(minute(step.noted)), err)
		}
	}
	return nil
}

func newestStays(ctx context.Context, s usedStore) error {
	if err := create(ctx, s, record(0)); err != nil {
		return err
	}
	return races(func(round int) error {
		errs := atOnce(racers, func(i int) error {
			return s.RecordUses(ctx, []hallpass.Use{{ID: idOf(0), At: minute(round*racers + racers - 1 - i)}})
		})
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("RecordUses returned an error: %w", err)
		}
		return s.lastUses(ctx, []hallpass.ID{idOf(0)}, map[hallpass.ID]time.Time{idOf(0): minute(round*racers + racers - 1)})
	})
}
