package dbtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// A deed is an operation on one token, with the time at which it was called and that at which it returned. All processes read the same clock.
type deed struct {
	ID           hallpass.ID
	Op           string // "issue", "authorize", "revoke", "rotate", "overlap"
	Out          string // "ok", "unauthenticated", "conflict", "unavailable", or an error that there is no reason for
	Call, Return int64
}

// A known is a token that an actor may act upon.
type known struct {
	ID   hallpass.ID
	Text string
}

// A message goes between the test and its actors: a history begins with these tokens, a token was made, or a history has ended with these
// deeds.
type message struct {
	Begin []known `json:",omitempty"`
	Made  *known  `json:",omitempty"`
	Ended bool    `json:",omitempty"`
	Deeds []deed  `json:",omitempty"`
}

const (
	goroutines    = 3 // of each actor
	deedsEach     = 14
	overlapLength = time.Hour
)

// A stage is what the goroutines of an actor share.
type stage struct {
	mu    sync.Mutex
	known []known
	deeds []deed
}

// actor plays one history after the other, each when it is told to.
func (p *player) actor(ctx context.Context, in io.Reader) error {
	a, err := hallpass.New(hallpass.Config{Store: flawed(p.store, p.Flaw), Keys: p.keys})
	if err != nil {
		return err
	}
	s := &stage{}
	random := rand.NewPCG(p.Seed, 0)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return err
		}
		s.mu.Lock()
		if m.Made != nil {
			s.known = append(s.known, *m.Made)
		}
		s.mu.Unlock()
		if m.Begin == nil {
			continue
		}
		s.mu.Lock()
		s.known, s.deeds = m.Begin, nil
		s.mu.Unlock()
		seeds := [goroutines]uint64{random.Uint64(), random.Uint64(), random.Uint64()}
		go func() {
			var wg sync.WaitGroup
			for _, seed := range seeds {
				wg.Go(func() { p.act(ctx, a, s, rand.New(rand.NewPCG(seed, seed))) })
			}
			wg.Wait()
			p.say(message{Ended: true, Deeds: s.deeds})
		}()
	}
	return nil
}

// act does some deeds, half of them in quick succession.
func (p *player) act(ctx context.Context, a *hallpass.Authority, s *stage, random *rand.Rand) {
	w := hallpass.Workspace(p.Workspace)
	for range deedsEach {
		s.mu.Lock()
		k := s.known[random.IntN(len(s.known))]
		s.mu.Unlock()
		d := deed{ID: k.ID}
		var token hallpass.Token
		var secret hallpass.Secret
		var err error
		// It is authorized twice as often as all else.
		d.Op = []string{"issue", "revoke", "revoke", "rotate", "overlap", "overlap", "authorize"}[min(6, random.IntN(20))]
		d.Call = time.Now().UnixNano()
		switch d.Op {
		case "issue":
			token, secret, err = a.Issue(ctx, grant(w, hallpass.RepositoryRead))
		case "authorize":
			_, err = a.Authorize(ctx, k.Text, w, hallpass.RepositoryRead)
		case "revoke":
			err = a.Revoke(ctx, w, k.ID)
		case "rotate":
			token, secret, err = a.Rotate(ctx, w, k.ID, 0)
		case "overlap":
			token, secret, err = a.Rotate(ctx, w, k.ID, overlapLength)
		}
		d.Return = time.Now().UnixNano()
		d.Out = outcome(err)
		s.mu.Lock()
		if d.Op != "issue" {
			s.deeds = append(s.deeds, d)
		}
		if token.ID != "" {
			made := known{token.ID, secret.Reveal()}
			s.deeds = append(s.deeds, deed{token.ID, "issue", "ok", d.Call, d.Return})
			s.known = append(s.known, made)
			p.say(message{Made: &made})
		}
		s.mu.Unlock()
		if random.IntN(2) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
	}
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, hallpass.ErrUnavailable):
		return "unavailable"
	case err == hallpass.ErrUnauthenticated:
		return "unauthenticated"
	case errors.Is(err, hallpass.ErrConflict):
		return "conflict"
	}
	return err.Error()
}

// flawed returns a store that is wrong in one way, if there is a flaw.
func flawed(s hallpass.Store, flaw string) hallpass.Store {
	switch flaw {
	case "stale":
		return &staleStore{Store: s, seen: map[hallpass.ID]sighting{}}
	case "blind":
		return blindStore{s}
	}
	return s
}

// A staleStore believes for 5 ms what it has read.
type staleStore struct {
	hallpass.Store
	mu   sync.Mutex
	seen map[hallpass.ID]sighting
}

type sighting struct {
	r  *hallpass.Record
	at time.Time
}

func (s *staleStore) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.seen[id]; ok && time.Since(last.at) < 5*time.Millisecond {
		return last.r, nil
	}
	r, err := s.Store.Get(ctx, id)
	if err == nil {
		s.seen[id] = sighting{r, time.Now()}
	}
	return r, err
}

// A blindStore writes over whatever is there: it does not compare the seal. It takes its time.
type blindStore struct{ hallpass.Store }

func (s blindStore) Write(ctx context.Context, changes ...hallpass.Change) error {
	time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
	for i := range changes {
		if changes[i].Old != nil {
			old, err := s.Get(ctx, changes[i].Old.Token.ID)
			if err != nil {
				return err
			}
			changes[i].Old = old
		}
	}
	return s.Store.Write(ctx, changes...)
}
