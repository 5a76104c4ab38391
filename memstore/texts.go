package memstore

import (
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
)

// Texts has texts that many records share, such as workspaces and scopes: each is kept once.
type texts map[string]string

// maxTexts bounds texts. A text that is forgotten is not lost, only kept twice.
const maxTexts = 4096

// pack returns a copy of r that shares no memory with it, in two objects: the record, and one string that holds all of its texts that
// are not shared.
func (t texts) pack(r *hallpass.Record) *hallpass.Record {
	c := *r
	c.Token.Scope = hallpass.Scope{}
	c.Token.CreatedAt, c.Token.RevokedAt = micros(c.Token.CreatedAt), micros(c.Token.RevokedAt)
	// What a check looks at comes first, and so lies together.
	own := []*string{(*string)(&c.Token.ID)}
	workspace, project, repository := c.Token.Resource.Workspace(), c.Token.Resource.Project(), c.Token.Resource.Repository()
	for _, text := range []*string{&repository, &project, &workspace, &c.Token.CreatedBy, &c.ScopeText} {
		if shared, ok := t[*text]; ok {
			*text = shared
		} else {
			own = append(own, text)
		}
	}
	own = append(own, &c.Token.Name, (*string)(&c.Token.Replaces), (*string)(&c.Token.ReplacedBy), &c.Extra)
	length := 0
	for _, text := range own {
		length += len(*text)
	}
	var b strings.Builder
	b.Grow(length)
	for _, text := range own {
		b.WriteString(*text)
	}
	all := b.String()
	for _, text := range own {
		*text, all = all[:len(*text)], all[len(*text):]
	}
	if len(t) >= maxTexts {
		clear(t)
	}
	for _, text := range []string{workspace, c.Token.CreatedBy, c.ScopeText} {
		t[text] = text
	}
	switch c.Token.Resource.Kind() {
	case hallpass.WorkspaceKind:
		c.Token.Resource = hallpass.Workspace(workspace)
	case hallpass.ProjectKind:
		c.Token.Resource = hallpass.Project(workspace, project)
	case hallpass.RepositoryKind:
		c.Token.Resource = hallpass.Repository(workspace, repository).In(project)
	}
	return &c
}

// micros is t as a store gives it back.
func micros(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}
