package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// querying has the rules on what List yields.
func querying() []testCase {
	return []testCase{
		{
			name:        "Within yields what lies inside",
			explanation: "List yields the records that are bound to Within or to what lies inside it, as Query.Matches says, and no others.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return queries(ctx, s, tree(), func(*hallpass.Query) {})
			},
		},
		{
			name:        "Only yields what is bound to Within itself",
			explanation: "With Only, List yields the records that are bound to Within, and none of those inside it.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return queries(ctx, s, tree(), func(q *hallpass.Query) { q.Only = true })
			},
		},
		{
			name:        "All yields the whole store",
			explanation: "With All, List yields every record, whatever Within and Only say.",
			check: func(ctx context.Context, s hallpass.Store) error {
				everything := []hallpass.Query{{All: true}, {All: true, Only: true}, {All: true, Only: true, Within: hallpass.Project(acme, "core")}}
				for _, all := range [][]*hallpass.Record{nil, tree()} {
					if err := create(ctx, s, all...); err != nil {
						return err
					}
					for _, q := range everything {
						if err := yields(ctx, s, q, all); err != nil {
							return err
						}
					}
				}
				return nil
			},
		},
		{
			name:        "the zero Within matches nothing",
			explanation: "Absence never widens. Without All, the zero Query and every other one with the zero Within yield nothing.",
			check:       zeroWithin,
		},
		{
			name:        "In does not matter",
			explanation: "What Resource.In says of a repository is no part of what a record is bound to, nor of Within.",
			check:       inIgnored,
		},
		{
			name:        "resources that look alike are different",
			explanation: "Workspaces, projects and repositories are compared byte for byte: no folding of case, no prefixes, no patterns.",
			check:       lookalikeResources,
		},
	}
}

// tree returns records that are bound to resources of all kinds, two to each. Many parts have the same ID.
func tree() []*hallpass.Record {
	all := []hallpass.Resource{
		hallpass.Workspace(acme), hallpass.Project(acme, "core"), hallpass.Project(acme, "docs"), hallpass.Project(acme, "api"), hallpass.Project(acme, acme),
		hallpass.Repository(acme, "api"), hallpass.Repository(acme, "core"), hallpass.Repository(acme, "web"), hallpass.Repository(acme, acme),
		hallpass.Workspace("globex"), hallpass.Project("globex", "core"), hallpass.Repository("globex", "api"),
		hallpass.Workspace("core"), hallpass.Project("api", acme), hallpass.Repository("core", acme),
	}
	return bound(append(all, all...)...)
}

// queries lists what is within each resource of the records, and within some that have none, with queries that are changed by edit.
func queries(ctx context.Context, s hallpass.Store, all []*hallpass.Record, edit func(*hallpass.Query)) error {
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	within := []hallpass.Resource{
		hallpass.Workspace("initech"), hallpass.Project(acme, "web"), hallpass.Repository(acme, "docs"), hallpass.Project("initech", "core"),
		hallpass.Repository("initech", "api"), hallpass.Project("core", acme),
	}
	for _, r := range all {
		within = append(within, r.Token.Resource)
	}
	asked := map[hallpass.Resource]bool{}
	for _, r := range within {
		if asked[r] {
			continue
		}
		asked[r] = true
		q := hallpass.Query{Within: r}
		edit(&q)
		if err := yields(ctx, s, q, all); err != nil {
			return err
		}
	}
	return nil
}

func zeroWithin(ctx context.Context, s hallpass.Store) error {
	all := tree()
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	// A store may refuse a record that is bound to nothing. If it has one, nobody finds it by that.
	if nowhere := record(1000, func(r *hallpass.Record) { r.Token.Resource = hallpass.Resource{} }); create(ctx, s, nowhere) == nil {
		all = append(all, nowhere)
	}
	for _, q := range []hallpass.Query{
		{}, {Only: true}, {Limit: 5}, {Only: true, Limit: 5}, {After: "0"}, {Only: true, After: "0", Limit: 100},
		{Within: hallpass.Workspace("")}, {Within: hallpass.Project(acme, "")}, {Within: hallpass.Repository(acme, ".."), Only: true},
	} {
		if err := yields(ctx, s, q, all); err != nil {
			return err
		}
	}
	return nil
}

func inIgnored(ctx context.Context, s hallpass.Store) error {
	api, core := hallpass.Repository(acme, "api"), hallpass.Project(acme, "core")
	all := bound(api, core, hallpass.Workspace(acme), hallpass.Repository(acme, "web"))
	if err := create(ctx, s, all...); err != nil {
		return err
	}
	queries := []hallpass.Query{
		{Within: api}, {Within: api.In("core")}, {Within: api.In("docs")}, {Within: api.In("core"), Only: true}, {Within: api.In("docs"), Only: true},
		{Within: core}, {Within: core, Only: true}, {Within: hallpass.Workspace(acme)},
	}
	for _, q := range queries {
		if err := yields(ctx, s, q, all); err != nil {
			return err
		}
	}
	// No record should be bound to a repository In a project. If one is, a store may keep In or drop it.
	strange := record(100, func(r *hallpass.Record) { r.Token.Resource = api.In("core") })
	if err := create(ctx, s, strange); err != nil {
		return err
	}
	all = append(all, strange)
	for _, q := range queries {
		got, err := list(ctx, s, q)
		if err != nil {
			return err
		}
		if want := answer(q, all); !slices.Equal(ids(got), ids(want)) {
			return fmt.Errorf("with a record that is bound to a repository In a project, %s yielded %q, not %q", shown(q), ids(got), ids(want))
		}
	}
	return nil
}

func lookalikeResources(ctx context.Context, s hallpass.Store) error {
	var all []hallpass.Resource
	for _, id := range []string{
		"acme", "Acme", "ACME", "acm", "acme2", "acme.", "acme-", "acme:core", "acm_", "ac%", "%", "_", "*", `acme\`, "'", `"`, "a'--", "0", "00", "0.0",
	} {
		all = append(all, hallpass.Workspace(id),
			hallpass.Project(id, "core"), hallpass.Repository(id, "api"), hallpass.Project("w", id), hallpass.Repository("w", id))
	}
	// Joined without care, these are the same.
	all = append(all,
		hallpass.Project("a", "bc"), hallpass.Project("ab", "c"), hallpass.Repository("a", "bc"), hallpass.Repository("ab", "c"),
		hallpass.Project("a:b", "c"), hallpass.Project("a", "b:c"), hallpass.Repository("a.b", "c"), hallpass.Repository("a", "b.c"))
	return queries(ctx, s, bound(all...), func(*hallpass.Query) {})
}
