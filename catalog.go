package hallpass

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A Definition tells a [Catalog] of one permission.
type Definition struct {
	Permission Permission
	Implies    []Permission // what holding it grants besides; what these imply is granted too
	Kinds      []Kind       // the kinds of token that may hold it; none: no token may ever hold it
	Retired    bool         // still honoured, and carried on by [Authority.Rotate], but no longer issued
	Summary    string       // one line for people
}

// A Catalog is the set of permissions that a host knows, at least 1 and at most 128. It is immutable and safe for concurrent
// use. It is code, not data: what a permission implies is never read from a database. [Bitbucket] is the default.
type Catalog struct {
	defs    []Definition // sorted; the place here is the place in every set
	index   map[Permission]int
	givenBy []set  // for each permission, those that grant it: itself and all that imply it
	heldBy  [4]set // for each Kind, what its tokens may hold
}

const maxPermissions = len(set{}) * 64

// NewCatalog makes a catalog of these definitions, and copies them. Its errors wrap [ErrInvalid]: no definition or too
// many, a permission whose text is bad or that comes twice, an implied one that is unknown or named twice, a cycle, an
// unknown kind, or an implication that would give a kind of token what that kind may not hold.
func NewCatalog(defs ...Definition) (*Catalog, error) {
	if len(defs) == 0 || len(defs) > maxPermissions {
		return nil, invalidf("a catalog of %d permissions; it has 1 to %d", len(defs), maxPermissions)
	}
	c := &Catalog{
		defs:    make([]Definition, len(defs)),
		index:   make(map[Permission]int, len(defs)),
		givenBy: make([]set, len(defs)),
	}
	for i, d := range defs {
		c.defs[i] = d.clone()
	}
	slices.SortFunc(c.defs, func(a, b Definition) int { return strings.Compare(string(a.Permission), string(b.Permission)) })
	for i, d := range c.defs {
		if err := d.validate(); err != nil {
			return nil, err
		}
		if _, twice := c.index[d.Permission]; twice {
			return nil, invalidf("permission %q is defined twice", d.Permission)
		}
		c.index[d.Permission] = i
		for _, k := range d.Kinds {
			c.heldBy[k].add(i)
		}
	}
	if err := c.close(); err != nil {
		return nil, err
	}
	return c, nil
}

// close follows the implications to their ends, and checks them.
func (c *Catalog) close() error {
	for i, d := range c.defs {
		c.givenBy[i].add(i)
		if err := c.grant(i, d); err != nil {
			return err
		}
	}
	for i, d := range c.defs {
		for j, implied := range c.defs {
			for _, k := range d.Kinds {
				if c.givenBy[j].has(i) && !c.heldBy[k].has(j) {
					return invalidf("permission %q implies %q, which a %v token may not hold, though it may hold the former", d.Permission, implied.Permission, k)
				}
			}
		}
	}
	return nil
}

// grant notes that root gives all that d implies. A cycle comes back to its root, whichever of its members that is.
func (c *Catalog) grant(root int, d Definition) error {
	for _, p := range d.Implies {
		i, ok := c.index[p]
		switch {
		case !ok:
			return invalidf("permission %q implies %q, which the catalog does not define", d.Permission, p)
		case i == root:
			return invalidf("permission %q implies itself, by way of %q", p, d.Permission)
		case c.givenBy[i].has(root):
			continue
		}
		c.givenBy[i].add(root)
		if err := c.grant(root, c.defs[i]); err != nil {
			return err
		}
	}
	return nil
}

// Scope returns the scope that grants these permissions, in any order. Its errors wrap [ErrInvalid]: no permission, one that
// the catalog does not know, or one twice. Whether a kind of token may hold them is checked when a token is issued.
func (c *Catalog) Scope(permissions ...Permission) (Scope, error) {
	s := Scope{catalog: c}
	if len(permissions) == 0 {
		return Scope{}, invalidf("no permission; a scope names at least one")
	}
	for _, p := range permissions {
		i, ok := c.index[p]
		if !ok {
			return Scope{}, c.unknown(p)
		}
		if s.granted.has(i) {
			return Scope{}, invalidf("permission %q twice; a scope names each once", p)
		}
		s.granted.add(i)
	}
	return s, nil
}

// ParseScope reads what [Scope.String] writes of a scope of this catalog, and nothing else. Its errors wrap [ErrInvalid].
func (c *Catalog) ParseScope(s string) (Scope, error) {
	if s == "" {
		return c.Scope()
	}
	var permissions []Permission
	for p := range strings.SplitSeq(s, " ") {
		permissions = append(permissions, Permission(p))
	}
	scope, err := c.Scope(permissions...)
	if err == nil && !slices.IsSorted(permissions) {
		return Scope{}, invalidf("a scope out of order; its permissions are sorted")
	}
	return scope, err
}

// load reads the scope of a stored record. What the catalog does not know, or does not let this kind of token hold, grants
// nothing.
func (c *Catalog) load(text string, k Kind) Scope {
	s := Scope{catalog: c}
	for p := range strings.SplitSeq(text, " ") {
		if i, ok := c.index[Permission(p)]; ok && c.heldBy[k].has(i) {
			s.granted.add(i)
		}
	}
	return s
}

// unknown is the host's bug: it asked for a permission that it never defined.
func (c *Catalog) unknown(p Permission) error {
	return invalidf("permission %.64q is not in the catalog", p)
}

// Definition returns what the catalog knows of p, as a copy, and whether it knows it.
func (c *Catalog) Definition(p Permission) (Definition, bool) {
	i, ok := c.index[p]
	if !ok {
		return Definition{}, false
	}
	return c.defs[i].clone(), true
}

// Definitions yields a copy of every definition, sorted by permission.
func (c *Catalog) Definitions() iter.Seq[Definition] {
	return func(yield func(Definition) bool) {
		for _, d := range c.defs {
			if !yield(d.clone()) {
				return
			}
		}
	}
}

// String returns all that decides, a line for each permission, sorted: which kinds of token may hold it and all that it
// grants. It is stable, so that a host can keep it in a golden file and see when an edit would widen tokens that are out.
func (c *Catalog) String() string {
	var b strings.Builder
	for i, d := range c.defs {
		fmt.Fprintf(&b, "%s:", d.Permission)
		for _, k := range slices.Sorted(slices.Values(d.Kinds)) {
			fmt.Fprintf(&b, " %v", k)
		}
		if len(d.Kinds) == 0 {
			b.WriteString(" never")
		}
		if d.Retired {
			b.WriteString(" (retired)")
		}
		b.WriteString(" grants")
		for j, other := range c.defs {
			if c.givenBy[j].has(i) {
				fmt.Fprintf(&b, " %s", other.Permission)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (d Definition) clone() Definition {
	d.Implies = slices.Clone(d.Implies)
	d.Kinds = slices.Clone(d.Kinds)
	return d
}

func (d Definition) validate() error {
	bad := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789:._-", r) }
	if d.Permission == "" || len(d.Permission) > 64 || strings.ContainsFunc(string(d.Permission), bad) {
		return invalidf("permission %.64q; it has 1 to 64 of [a-z0-9:._-]", d.Permission)
	}
	if hasTwice(d.Implies) {
		return invalidf("permission %q implies another twice", d.Permission)
	}
	if hasTwice(d.Kinds) {
		return invalidf("permission %q names a kind twice", d.Permission)
	}
	for _, k := range d.Kinds {
		if k.String() == "" {
			return invalidf("permission %q names kind %d; a kind is WorkspaceKind, ProjectKind or RepositoryKind", d.Permission, k)
		}
	}
	return nil
}

func hasTwice[T comparable](list []T) bool {
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		seen[v] = true
	}
	return len(seen) < len(list)
}
