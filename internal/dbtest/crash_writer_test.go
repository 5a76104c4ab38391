package dbtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// A note is what a writer says: what it is about to do, and, when the call has returned nil, that it is done.
type note struct {
	Who     int
	Done    bool
	Op      string // "migrate", "issue", "rotate", "revoke", "all"
	ID      hallpass.ID
	Overlap time.Duration
	Job     int         // the name and the scope of what is issued
	New     hallpass.ID // what is issued, when it is done
	Text    string
	Err     string
}

const (
	writers = 4
	jobs    = 120 // of each writer; so few that one statement lists all that became of them
)

// place is where the tokens of a writer are. Nobody else writes there.
func place(workspace string, who int) hallpass.Resource {
	if who%2 == 0 {
		return hallpass.Project(workspace, fmt.Sprint(who))
	}
	return hallpass.Repository(workspace, fmt.Sprint(who))
}

// jobGrant is what a job asks for.
func jobGrant(workspace string, who, job int) hallpass.Grant {
	g := grant(place(workspace, who), [][]hallpass.Permission{
		{hallpass.RepositoryRead},
		{hallpass.PipelineWrite, hallpass.RepositoryWrite},
		{hallpass.PullRequestWrite, hallpass.RunnerRead, hallpass.Webhook},
	}[job%3]...)
	g.Name = fmt.Sprintf("job %d of %d", job, who)
	return g
}

// writer issues, rotates and revokes, until it is killed. With the flaw it says that a revocation is done before it is.
func (p *player) writer(ctx context.Context) error {
	a, err := hallpass.New(hallpass.Config{Store: p.store, Keys: p.keys})
	if err != nil {
		return err
	}
	p.say(note{Op: "migrate"})
	if err := p.store.Migrate(ctx); err != nil {
		p.say(note{Op: "migrate", Err: err.Error()})
		return err
	}
	var wg sync.WaitGroup
	for who := range writers {
		wg.Go(func() { p.work(ctx, a, who) })
	}
	wg.Wait()
	select {} // all is done; be killed
}

func (p *player) work(ctx context.Context, a *hallpass.Authority, who int) {
	random := rand.New(rand.NewPCG(p.Seed, uint64(who)))
	r := place(p.Workspace, who)
	var live, fresh []hallpass.ID // fresh: those that were not rotated
	for job := range jobs {
		n := note{Who: who, Job: job}
		switch dice := random.IntN(20); {
		case len(live) == 0 || dice < 8:
			n.Op = "issue"
		case dice < 12 && len(fresh) > 0:
			n.Op, n.ID, n.Overlap = "rotate", fresh[random.IntN(len(fresh))], time.Duration(random.IntN(2))*time.Hour
		case dice < 18:
			n.Op, n.ID = "revoke", live[random.IntN(len(live))]
		default:
			n.Op = "all"
		}
		p.say(n)
		ends := n.Op == "revoke" || n.Op == "all"
		if n.Done = true; ends && p.Flaw != "" {
			p.say(n)
		}
		var err error
		var token hallpass.Token
		var secret hallpass.Secret
		switch n.Op {
		case "issue":
			token, secret, err = a.Issue(ctx, jobGrant(p.Workspace, who, job))
		case "rotate":
			token, secret, err = a.Rotate(ctx, r, n.ID, n.Overlap)
		case "revoke":
			err = a.Revoke(ctx, r, n.ID)
		case "all":
			var ended int
			if ended, err = a.RevokeAll(ctx, r); err == nil && ended != len(live) {
				err = errors.New("it ended another number of tokens than there were")
			}
		}
		if n.New, n.Text = token.ID, secret.Reveal(); err != nil {
			n.Err = err.Error()
		}
		if !ends || p.Flaw == "" || err != nil {
			p.say(n)
		}
		without := func(ids []hallpass.ID) (rest []hallpass.ID) {
			for _, id := range ids {
				if id != n.ID && n.Op != "all" {
					rest = append(rest, id)
				}
			}
			return rest
		}
		if fresh = without(fresh); n.Overlap == 0 {
			live = without(live)
		}
		if n.New != "" {
			live, fresh = append(live, n.New), append(fresh, n.New)
		}
	}
}
