package web

import (
	"slices"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// An area is what some permissions are about, such as pull requests.
type area struct {
	Title   string
	Options []option
}

// An option is a permission that a token may be made with.
type option struct {
	hallpass.Permission
	Summary string
	Besides []hallpass.Permission // what it grants, too
	Checked bool
}

// areaTitles name the areas in their order. One that is not here comes last, under the beginning of its permissions.
var areaTitles = [...][2]string{
	{"repository", "Repositories"},
	{"pullrequest", "Pull requests"},
	{"pipeline", "Pipelines"},
	{"runner", "Runners"},
	{"webhook", "Webhooks"},
	{"project", "Projects"},
	{"account", "Workspace"},
}

// areas returns what a kind of token may be made with. What the catalog knows is all there is: nothing is listed twice in code.
func areas(c *hallpass.Catalog, k hallpass.Kind, checked []hallpass.Permission) []area {
	byName := map[string][]option{}
	for d := range c.Definitions() {
		if d.Retired || !slices.Contains(d.Kinds, k) {
			continue
		}
		name, _, _ := strings.Cut(string(d.Permission), ":")
		byName[name] = append(byName[name], option{d.Permission, d.Summary, besides(c, d.Permission), slices.Contains(checked, d.Permission)})
	}
	var sorted []area
	for _, t := range areaTitles {
		if options := byName[t[0]]; options != nil {
			sorted = append(sorted, area{t[1], options})
			delete(byName, t[0])
		}
	}
	for name, options := range byName {
		sorted = append(sorted, area{name, options})
	}
	slices.SortStableFunc(sorted[len(sorted)-len(byName):], func(a, b area) int { return strings.Compare(a.Title, b.Title) })
	return sorted
}

// besides returns all that a token with p alone may do but p.
func besides(c *hallpass.Catalog, p hallpass.Permission) (more []hallpass.Permission) {
	scope, err := c.Scope(p)
	if err != nil {
		return nil
	}
	for d := range c.Definitions() {
		if d.Permission != p && scope.Permits(d.Permission) {
			more = append(more, d.Permission)
		}
	}
	return more
}
