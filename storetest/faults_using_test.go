package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// usingFaults are of last-used times.
func usingFaults() []fault {
	const newer, without, alike, many, same, alone, empty, done = "a newer use wins", "without a use there is no last use", "IDs that look alike have uses of their own",
		"many uses can be noted at once", "of uses noted at the same time the newest stays", "uses leave the records alone", "empty lists of uses are fine",
		"uses with a done context are an error"
	return []fault{
		{"keeps the use that was noted last", func(f *fake) {
			u := &useMap{last: map[hallpass.ID]time.Time{}}
			f.recordUses, f.lastUses = u.note, u.lastUses
		}, map[string]string{newer: "LastUses returned", same: "LastUses returned"}},
		{"looks, then notes a use", func(f *fake) {
			u := &useMap{last: map[hallpass.ID]time.Time{}}
			f.lastUses = u.lastUses
			f.recordUses = func(ctx context.Context, uses []hallpass.Use) error {
				last, _ := u.lastUses(ctx, []hallpass.ID{uses[0].ID})
				time.Sleep(time.Millisecond)
				if len(last) > 0 && last[0].At.After(uses[0].At) {
					return nil
				}
				return u.note(ctx, uses)
			}
		}, map[string]string{same: "LastUses returned"}},
		{"has the zero time for what was not used", func(f *fake) {
			u := &useMap{last: map[hallpass.ID]time.Time{}}
			f.recordUses = u.note
			f.lastUses = func(ctx context.Context, ids []hallpass.ID) (all []hallpass.Use, err error) {
				for _, id := range ids {
					all = append(all, hallpass.Use{ID: id, At: u.last[id]})
				}
				return all, nil
			}
		}, map[string]string{without: "that it should not"}},
		{"returns all uses", func(f *fake) {
			u := &useMap{last: map[hallpass.ID]time.Time{}}
			f.recordUses = u.note
			f.lastUses = func(ctx context.Context, _ []hallpass.ID) (all []hallpass.Use, err error) {
				for id, at := range u.last {
					all = append(all, hallpass.Use{ID: id, At: at})
				}
				return all, nil
			}
		}, map[string]string{done: "that it should not"}},
		{"folds the case of IDs of uses", func(f *fake) {
			u := &useMap{last: map[hallpass.ID]time.Time{}, fold: strings.ToLower}
			f.recordUses, f.lastUses = u.note, u.lastUses
		}, map[string]string{alike: "LastUses returned"}},
		{"has 500 parameters for uses", func(f *fake) {
			next := f.recordUses
			f.recordUses = func(ctx context.Context, uses []hallpass.Use) error {
				if len(uses) > 500 {
					return errors.New("too many SQL variables")
				}
				return next(ctx, uses)
			}
		}, map[string]string{many: "too many SQL variables"}},
		{"asks for 500 uses", func(f *fake) {
			next := f.lastUses
			f.lastUses = func(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
				return next(ctx, ids[:min(500, len(ids))])
			}
		}, map[string]string{many: "returned 500 uses, not 700"}},
		{"notes a use in the record", func(f *fake) {
			next := f.recordUses
			f.recordUses = func(ctx context.Context, uses []hallpass.Use) error {
				for _, u := range uses {
					if r, err := f.get(ctx, u.ID); err == nil {
						err = f.force(ctx, edited(r, func(r *hallpass.Record) { r.Extra = u.At.String() }))
						if err != nil {
							return err
						}
					}
				}
				return next(ctx, uses)
			}
		}, map[string]string{alone: "Extra is"}},
		{"has an error for no uses", func(f *fake) {
			next := f.recordUses
			f.recordUses = func(ctx context.Context, uses []hallpass.Use) error {
				if len(uses) == 0 {
					return errors.New("syntax error")
				}
				return next(ctx, uses)
			}
		}, map[string]string{empty: "syntax error"}},
		{"ignores the context of RecordUses", func(f *fake) {
			next := f.recordUses
			f.recordUses = func(ctx context.Context, uses []hallpass.Use) error { return next(context.WithoutCancel(ctx), uses) }
		}, map[string]string{done: "RecordUses returned no error"}},
		{"ignores the context of LastUses", func(f *fake) {
			next := f.lastUses
			f.lastUses = func(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
				return next(context.WithoutCancel(ctx), ids)
			}
		}, map[string]string{done: "LastUses returned no error"}},
	}
}

// A useMap keeps the use that was noted last.
type useMap struct {
	fold func(string) string // nil: none
	mu   sync.Mutex
	last map[hallpass.ID]time.Time
}

func (u *useMap) key(id hallpass.ID) hallpass.ID {
	if u.fold == nil {
		return id
	}
	return hallpass.ID(u.fold(string(id)))
}

func (u *useMap) note(_ context.Context, uses []hallpass.Use) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range uses {
		u.last[u.key(use.ID)] = use.At
	}
	return nil
}

func (u *useMap) lastUses(_ context.Context, ids []hallpass.ID) (all []hallpass.Use, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range ids {
		if at, ok := u.last[u.key(id)]; ok {
			all = append(all, hallpass.Use{ID: id, At: at})
		}
	}
	return all, nil
}
