package storetest

import (
	"context"
	"iter"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/memstore"
)

// A fake is a store whose methods can be broken one by one.
type fake struct {
	get        func(context.Context, hallpass.ID) (*hallpass.Record, error)
	write      func(context.Context, ...hallpass.Change) error
	list       func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error]
	recordUses func(context.Context, []hallpass.Use) error
	lastUses   func(context.Context, []hallpass.ID) ([]hallpass.Use, error)
}

func (f *fake) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	return f.get(ctx, id)
}

func (f *fake) Write(ctx context.Context, changes ...hallpass.Change) error {
	return f.write(ctx, changes...)
}

func (f *fake) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return f.list(ctx, q)
}

func (f *fake) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	return f.recordUses(ctx, uses)
}

func (f *fake) LastUses(ctx context.Context, ids []hallpass.ID) ([]hallpass.Use, error) {
	return f.lastUses(ctx, ids)
}

// sound returns a fake without a fault.
func sound() *fake {
	m := memstore.New()
	return &fake{m.Get, m.Write, m.List, m.RecordUses, m.LastUses}
}

// A fault is one thing that is wrong with a store.
type fault struct {
	name    string
	breaks  func(*fake)
	noticed map[string]string // the names of cases that notice it, with a part of what each says
}

// hangs is what every case says of a store that does not come back.
const hangs = "the store hangs"

// onRead breaks what is read.
func onRead(edit func(*hallpass.Record)) func(*fake) {
	return func(f *fake) {
		get, list := f.get, f.list
		f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, err := get(ctx, id)
			if err != nil {
				return nil, err
			}
			return edited(r, edit), nil
		}
		f.list = func(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
			return func(yield func(*hallpass.Record, error) bool) {
				for r, err := range list(ctx, q) {
					if err == nil {
						r = edited(r, edit)
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}
	}
}

// onGet breaks Get.
func onGet(get func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error)) func(*fake) {
	return func(f *fake) {
		next := *f
		f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) { return get(&next, ctx, id) }
	}
}

// onWrite breaks Write. The first argument is the sound store.
func onWrite(write func(f *fake, ctx context.Context, changes []hallpass.Change) error) func(*fake) {
	return func(f *fake) {
		next := *f
		f.write = func(ctx context.Context, changes ...hallpass.Change) error { return write(&next, ctx, changes) }
	}
}

// onReplace breaks what is written by a replace. The first argument is what is stored.
func onReplace(edit func(stored, new *hallpass.Record)) func(*fake) {
	return onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
		var broken []hallpass.Change
		for _, c := range changes {
			if stored, err := f.get(ctx, c.New.Token.ID); c.Old != nil && err == nil {
				c.New = edited(c.New, func(r *hallpass.Record) { edit(stored, r) })
			}
			broken = append(broken, c)
		}
		return f.write(ctx, broken...)
	})
}

// onCompare replaces the comparison of Seals.
func onCompare(same func(stored, old *hallpass.Record) bool) func(*fake) {
	return onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
		var forced []hallpass.Change
		for _, c := range changes {
			if c.New == nil || c.Old == nil {
				forced = append(forced, c)
				continue
			}
			stored, err := f.get(ctx, c.New.Token.ID)
			if err != nil {
				return err
			}
			if !same(stored, c.Old) {
				return hallpass.ErrConflict
			}
			forced = append(forced, hallpass.Change{Old: stored, New: c.New})
		}
		return f.write(ctx, forced...)
	})
}

// force writes r, whatever is there.
func (f *fake) force(ctx context.Context, r *hallpass.Record) error {
	for {
		stored, err := f.get(ctx, r.Token.ID)
		if err != nil {
			stored = nil
		}
		if err := f.write(ctx, hallpass.Change{Old: stored, New: r}); err == nil || ctx.Err() != nil {
			return err
		}
	}
}

// onQuery breaks what is asked of List.
func onQuery(edit func(*hallpass.Query)) func(*fake) {
	return onList(func(f *fake, ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		edit(&q)
		return f.list(ctx, q)
	})
}

// onMatch replaces the meaning of a query, but for After and Limit.
func onMatch(matches func(q hallpass.Query, r *hallpass.Record) bool) func(*fake) {
	return onList(func(f *fake, ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		return func(yield func(*hallpass.Record, error) bool) {
			n := 0
			for r, err := range f.list(ctx, hallpass.Query{All: true, After: q.After}) {
				if err != nil || q.All || matches(q, r) {
					if n++; !yield(r, err) || n == q.Limit {
						return
					}
				}
			}
		}
	})
}

// onList breaks List. The first argument is the sound store.
func onList(list func(f *fake, ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error]) func(*fake) {
	return func(f *fake) {
		next := *f
		f.list = func(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
			return list(&next, ctx, q)
		}
	}
}

// all returns all that q matches.
func (f *fake) all(ctx context.Context, q hallpass.Query) []*hallpass.Record {
	all, err := list(ctx, f, q)
	if err != nil {
		return nil
	}
	return all
}

// each is a list of these records.
func each(all []*hallpass.Record) iter.Seq2[*hallpass.Record, error] {
	return func(yield func(*hallpass.Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}
