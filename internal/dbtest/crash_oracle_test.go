package dbtest

import (
	"context"
	"fmt"
	"time"

	"github.com/hallpass-go/hallpass"
)

// A ledger is what must be true after the notes that writers left in a workspace.
type ledger struct {
	workspace string
	writers   [writers]struct {
		passes map[hallpass.ID]*pass
		doubt  *note // what was begun, and not said to be done
	}
	failed []string
	done   int
}

// A pass is a token as its writer knew it.
type pass struct {
	grant                hallpass.Grant
	text                 string
	ended                bool
	replaces, replacedBy hallpass.ID
}

// hear takes a note.
func (l *ledger) hear(n note) {
	if n.Err != "" {
		l.failed = append(l.failed, n.Op+": "+n.Err)
		return
	}
	if n.Op == "migrate" {
		return
	}
	w := &l.writers[n.Who]
	if !n.Done {
		w.doubt = &n
		return
	}
	l.done++
	w.doubt = nil
	if w.passes == nil {
		w.passes = map[hallpass.ID]*pass{}
	}
	old := w.passes[n.ID]
	switch n.Op {
	case "issue":
		w.passes[n.New] = &pass{grant: jobGrant(l.workspace, n.Who, n.Job), text: n.Text}
	case "rotate":
		old.replacedBy, old.ended = n.New, n.Overlap == 0
		w.passes[n.New] = &pass{grant: old.grant, text: n.Text, replaces: n.ID}
	case "revoke":
		old.ended = true
	case "all":
		for _, p := range w.passes {
			p.ended = true
		}
	}
}

// A tally counts what a ledger was compared with.
type tally struct{ records, revocations, doubts, happened int }

// judge says how the database differs from the ledger.
func (l *ledger) judge(ctx context.Context, a *hallpass.Authority) (t tally, wrong []string) {
	wrong = append(wrong, l.failed...)
	for who := range l.writers {
		// One statement lists all, so this is one moment: a server may still be at work on what the dead process sent it.
		listed := map[hallpass.ID]hallpass.Token{}
		for token, err := range a.List(ctx, place(l.workspace, who), hallpass.ListOptions{IncludeRevoked: true, Only: true}) {
			if err != nil {
				wrong = append(wrong, fmt.Sprintf("list of %d: %q: %v", who, token.ID, err))
			}
			listed[token.ID] = token
		}
		t.records += len(listed)
		wrong = append(wrong, l.judgeWriter(ctx, a, who, listed, &t)...)
	}
	return t, wrong
}

func (l *ledger) judgeWriter(ctx context.Context, a *hallpass.Authority, who int, listed map[hallpass.ID]hallpass.Token, t *tally) (wrong []string) {
	w := &l.writers[who]
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("writer %d, doubt %+v: ", who, w.doubt)+fmt.Sprintf(format, args...))
	}
	var doubt note
	if w.doubt != nil {
		doubt, t.doubts = *w.doubt, t.doubts+1
	}
	var replacement hallpass.ID
	before, after := 0, 0 // of the tokens that a RevokeAll in doubt found live: how many still are, and how many are not
	for id, p := range w.passes {
		token, ok := listed[id]
		delete(listed, id)
		if !ok {
			bad("%s is missing", id)
			continue
		}
		if !p.describes(a, token) {
			bad("%+v is not what was asked for: %+v", token, p.grant)
		}
		_, err := a.Authorize(ctx, p.text, p.grant.Resource, p.grant.Permissions[0], p.grant.Permissions[1:]...)
		if err != nil && err != hallpass.ErrUnauthenticated {
			bad("%s: %v", id, err)
		}
		switch ended := stopped(token); {
		case doubt.Op == "all" && !p.ended && ended:
			after++
		case doubt.Op == "all" && !p.ended:
			before++
		case doubt.ID == id && !p.ended: // either way, but whole
			happened := ended
			if doubt.Op == "rotate" {
				replacement, happened = token.ReplacedBy, token.ReplacedBy != ""
				if fresh, exists := listed[token.ReplacedBy]; happened != exists || exists && fresh.Replaces != id {
					bad("half a rotation: %+v", token)
				}
				if want := happened && doubt.Overlap == 0; ended != want {
					bad("half a rotation: %s ended: %v", id, ended)
				}
			}
			if happened {
				t.happened++
			}
			continue
		case ended != p.ended || (err != nil) != p.ended:
			bad("%s is to be ended: %v; it is: %v; authorize: %v", id, p.ended, ended, err)
		case p.ended:
			t.revocations++
		}
		if token.ReplacedBy != p.replacedBy {
			bad("%s is replaced by %q, not %q", id, token.ReplacedBy, p.replacedBy)
		}
	}
	if before > 0 && after > 0 {
		bad("half a RevokeAll: %d are live, %d are not", before, after)
	}
	if after > 0 {
		t.happened++
	}
	for id, token := range listed {
		p := pass{grant: jobGrant(l.workspace, who, doubt.Job)}
		if doubt.Op == "rotate" && w.passes[doubt.ID] != nil {
			p.grant, p.replaces = w.passes[doubt.ID].grant, doubt.ID
		}
		asked := doubt.Op == "issue" || doubt.Op == "rotate" && id == replacement
		if !asked || len(listed) > 1 || !p.describes(a, token) || stopped(token) || token.ReplacedBy != "" {
			bad("nobody asked for %s: %+v", id, token)
		}
		if doubt.Op == "issue" {
			t.happened++
		}
	}
	return wrong
}

// describes reports whether a token is what p asked for.
func (p *pass) describes(a *hallpass.Authority, token hallpass.Token) bool {
	scope, err := a.Catalog().Scope(p.grant.Permissions...)
	return err == nil && token.Name == p.grant.Name && token.CreatedBy == p.grant.CreatedBy && token.Resource == p.grant.Resource &&
		token.Scope == scope && token.Replaces == p.replaces && !token.CreatedAt.IsZero()
}

func stopped(t hallpass.Token) bool { return !t.RevokedAt.IsZero() && !t.RevokedAt.After(time.Now()) }
