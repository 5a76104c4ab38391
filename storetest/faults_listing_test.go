package storetest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hallpass-go/hallpass"
)

// seq is what List returns.
type seq = iter.Seq2[*hallpass.Record, error]

// queryingFaults are of what List yields.
func queryingFaults() []fault {
	const within, only, all, zero, in, look = "Within yields what lies inside", "Only yields what is bound to Within itself", "All yields the whole store",
		"the zero Within matches nothing", "In does not matter", "resources that look alike are different"
	return []fault{
		{"takes Within for Only", onQuery(func(q *hallpass.Query) { q.Only = true }), map[string]string{within: `List of {Within: "workspace:acme"}`}},
		{"yields what a project has the workspace of", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			return q.Within.Workspace() != "" && q.Within.Workspace() == r.Token.Resource.Workspace()
		}), map[string]string{within: "missing"}},
		{"ignores Only", onQuery(func(q *hallpass.Query) { q.Only = false }), map[string]string{only: "Only}"}},
		{"ignores All where there is Within", onQuery(func(q *hallpass.Query) { q.All = q.All && q.Within.Kind() == 0 }), map[string]string{all: "All}"}},
		{"ignores All where there is Only", onQuery(func(q *hallpass.Query) { q.All = q.All && !q.Only }), map[string]string{all: "Only, All}"}},
		{"takes the zero Query for All", onQuery(func(q *hallpass.Query) { q.All = q.All || q.Within.Kind() == 0 }), map[string]string{zero: `List of {Within: ""}`}},
		{"finds what is bound to nothing", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			return q.Matches(r) || q.Only && r.Token.Resource == q.Within
		}), map[string]string{zero: `List of {Within: "", Only}`}},
		{"compares In of Within", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			return q.Matches(r) && (q.Within.Repository() == "" || q.Within == r.Token.Resource)
		}), map[string]string{in: `In("core")`}},
		{"takes In of a record for its place", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			return q.Within.Contains(r.Token.Resource)
		}), map[string]string{in: "that is bound to a repository In a project"}},
		{"folds the case of workspaces", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			return q.Within.Kind() != 0 && strings.EqualFold(q.Within.Workspace(), r.Token.Resource.Workspace()) &&
				(q.Within.Kind() == hallpass.WorkspaceKind || q.Within.Project() == r.Token.Resource.Project() && q.Within.Repository() == r.Token.Resource.Repository())
		}), map[string]string{look: `List of {Within: "workspace:`}},
		{"takes Within for a prefix", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			_, inside, _ := strings.Cut(r.Token.Resource.String(), ":")
			_, prefix, _ := strings.Cut(q.Within.String(), ":")
			return q.Matches(r) || prefix != "" && q.Within.Kind() == hallpass.WorkspaceKind && strings.HasPrefix(inside, prefix)
		}), map[string]string{look: `List of {Within: "workspace:`}},
		{"joins the parts of a resource", onMatch(func(q hallpass.Query, r *hallpass.Record) bool {
			a, b := q.Within, r.Token.Resource
			return q.Matches(r) || a.Kind() == b.Kind() && a.Workspace()+a.Project()+a.Repository() == b.Workspace()+b.Project()+b.Repository()
		}), map[string]string{look: `List of {Within: "project:`}},
	}
}

// listingFaults are of how List yields.
func listingFaults() []fault {
	const all, order, after, limit, both, long, broken, done, midway, writes = "All yields the whole store", "the order is that of IDs as bytes", "After is exclusive", "Limit ends the list",
		"Limit and After go on without gap or repeat", "a long list is whole", "a list can be broken off", "List with a done context yields an error and ends",
		"a list ends when its context is done midway", "a list goes on while records are written"
	return []fault{
		{"goes on where the last range ended", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for r, err := range f.list(ctx, q) {
					if err == nil {
						q.After = r.Token.ID
					}
					if !yield(r, err) {
						return
					}
				}
			}
		}), map[string]string{"a list can be ranged over again": "yielded 0"}},
		{"lists the oldest first", sorted(func(a, b *hallpass.Record) int { return a.Token.CreatedAt.Compare(b.Token.CreatedAt) }), map[string]string{order: "number 0 is"}},
		{"sorts without case", sorted(func(a, b *hallpass.Record) int {
			return cmp.Compare(strings.ToLower(string(a.Token.ID)), strings.ToLower(string(b.Token.ID)))
		}), map[string]string{order: "of 53 records yielded 53, not 53"}},
		{"begins at After", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			from, err := f.get(ctx, q.After)
			next := f.list(ctx, q)
			if err != nil || !(hallpass.Query{Within: q.Within, Only: q.Only, All: q.All}).Matches(from) {
				return next
			}
			return func(yield func(*hallpass.Record, error) bool) {
				if yield(from, nil) {
					next(yield)
				}
			}
		}), map[string]string{after: "After: "}},
		{"has to find After", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			if _, err := f.get(ctx, q.After); q.After != "" && err != nil {
				return each(nil)
			}
			return f.list(ctx, q)
		}), map[string]string{after: "yielded 0, not"}},
		{"ignores After", onQuery(func(q *hallpass.Query) { q.After = "" }), map[string]string{after: "After: ", both: "and so on"}},
		{"ignores Limit", onQuery(func(q *hallpass.Query) { q.Limit = 0 }), map[string]string{limit: "Limit: 1}"}},
		{"looks at Limit records", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return each(slices.DeleteFunc(f.all(ctx, hallpass.Query{All: true, After: q.After, Limit: q.Limit}), func(r *hallpass.Record) bool { return !q.Matches(r) }))
		}), map[string]string{limit: "Limit: 1}"}},
		{"yields no more than 100 where there is Limit", onQuery(func(q *hallpass.Query) { q.Limit = min(q.Limit, 100) }), map[string]string{both: "yielded 100 records, not 280"}},
		{"yields no more than 500", onQuery(func(q *hallpass.Query) {
			if q.Limit == 0 || q.Limit > 500 {
				q.Limit = 500
			}
		}), map[string]string{long: "yielded 500, not 7"}},
		{"loses a record between pages", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			all := f.all(ctx, q)
			if len(all) > 256 {
				all = slices.Delete(all, 256, 257)
			}
			return each(all)
		}), map[string]string{long: "number 256 is"}},
		{"stays locked when it is broken off", func(f *fake) {
			var mu sync.RWMutex
			list, write := f.list, f.write
			f.list = func(ctx context.Context, q hallpass.Query) seq {
				return func(yield func(*hallpass.Record, error) bool) {
					mu.RLock()
					for r, err := range list(ctx, q) {
						if !yield(r, err) {
							return
						}
					}
					mu.RUnlock()
				}
			}
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				mu.Lock()
				defer mu.Unlock()
				return write(ctx, changes...)
			}
		}, map[string]string{broken: hangs}},
		{"goes on when it is broken off", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for r, err := range f.list(ctx, q) {
					yield(r, err)
				}
			}
		}), map[string]string{broken: "range function continued iteration"}},
		{"ignores the context of List", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return f.list(context.WithoutCancel(ctx), q)
		}), map[string]string{done: "List ended without an error"}},
		{"lists nothing when the context is done", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			if ctx.Err() != nil {
				return each(nil)
			}
			return f.list(ctx, q)
		}), map[string]string{done: "List ended without an error"}},
		{"yields an error for each record", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for r := range f.list(context.WithoutCancel(ctx), q) {
					if !yield(r, ctx.Err()) {
						return
					}
				}
			}
		}), map[string]string{done: "went on after", midway: "went on after"}},
		{"begins again when the context is done", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for again := true; again; again = ctx.Err() != nil {
					for r, err := range f.list(context.WithoutCancel(ctx), q) {
						if !yield(r, err) {
							return
						}
					}
				}
			}
		}), map[string]string{midway: "in a store with fewer records"}},
		{"is locked while it yields", func(f *fake) {
			var mu sync.Mutex
			list, write := f.list, f.write
			f.list = func(ctx context.Context, q hallpass.Query) seq {
				return func(yield func(*hallpass.Record, error) bool) {
					mu.Lock()
					defer mu.Unlock()
					list(ctx, q)(yield)
				}
			}
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				mu.Lock()
				defer mu.Unlock()
				return write(ctx, changes...)
			}
		}, map[string]string{writes: hangs}},
		{"counts records to find the next page", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for offset := 0; ; offset += 100 {
					rest := f.all(ctx, q)
					rest = rest[min(offset, len(rest)):]
					for _, r := range rest[:min(100, len(rest))] {
						if !yield(r, nil) {
							return
						}
					}
					if len(rest) < 100 {
						return
					}
				}
			}
		}), map[string]string{writes: "twice"}},
		{"yields neither a record nor an error", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return each(append(f.all(ctx, q), nil))
		}), map[string]string{all: "yielded neither a record nor an error"}},
		{"cannot be written while it yields", func(f *fake) {
			var writes atomic.Int64
			list, write := f.list, f.write
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				writes.Add(1)
				return write(ctx, changes...)
			}
			f.list = func(ctx context.Context, q hallpass.Query) seq {
				return func(yield func(*hallpass.Record, error) bool) {
					before := writes.Load()
					for r, err := range list(ctx, q) {
						if writes.Load() != before {
							yield(nil, errors.New("changed while it was read"))
							return
						}
						if !yield(r, err) {
							return
						}
					}
				}
			}
		}, map[string]string{writes: "changed while it was read"}},
		{"passes by what is replaced while it yields", onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
			return func(yield func(*hallpass.Record, error) bool) {
				for _, r := range f.all(ctx, q) {
					if now, err := f.get(ctx, r.Token.ID); err == nil && now == r && !yield(r, nil) {
						return
					}
				}
			}
		}), map[string]string{writes: "it did not yield"}},
		{"lists records as they were created", func(f *fake) {
			created := map[hallpass.ID]*hallpass.Record{}
			list, write := f.list, f.write
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				for _, c := range changes {
					if c.Old == nil {
						created[c.New.Token.ID] = c.New
					}
				}
				return write(ctx, changes...)
			}
			f.list = func(ctx context.Context, q hallpass.Query) seq {
				return func(yield func(*hallpass.Record, error) bool) {
					for r, err := range list(ctx, q) {
						if err == nil {
							r = created[r.Token.ID]
						}
						if !yield(r, err) {
							return
						}
					}
				}
			}
		}, map[string]string{"a replace writes what may change and leaves the rest": "List of", writes: "List of"}},
	}
}

// sorted sorts each list.
func sorted(compare func(a, b *hallpass.Record) int) func(*fake) {
	return onList(func(f *fake, ctx context.Context, q hallpass.Query) seq {
		return each(slices.SortedStableFunc(slices.Values(f.all(ctx, q)), compare))
	})
}
