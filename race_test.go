package hallpass_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// A turnstile is a store at which every call, and every record of a list, waits for its turn. Only one goroutine moves at a time, so that a
// sequence of choices is one interleaving of all calls, and can be played again.
type turnstile struct {
	inner   hallpass.Store
	arrived chan *runner // a goroutine waits at its gate, or has ended
}

type runner struct {
	gate  chan bool
	ended bool
}

type runnerKey struct{}

// turn waits until the goroutine whose context this is may go on.
func (s *turnstile) turn(ctx context.Context) {
	if r, ok := ctx.Value(runnerKey{}).(*runner); ok {
		s.arrived <- r
		<-r.gate
	}
}

func (s *turnstile) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	s.turn(ctx)
	return s.inner.Get(ctx, id)
}

func (s *turnstile) Write(ctx context.Context, changes ...hallpass.Change) error {
	s.turn(ctx)
	return s.inner.Write(ctx, changes...)
}

func (s *turnstile) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return func(yield func(*hallpass.Record, error) bool) {
		// One record at a time, each read when its turn comes: the least consistent list that the contract allows.
		for q.Limit = 1; ; {
			s.turn(ctx)
			n := 0
			for r, err := range s.inner.List(ctx, q) {
				if n++; !yield(r, err) {
					return
				}
				q.After = r.Token.ID
			}
			if n == 0 {
				return
			}
		}
	}
}

// play runs the operations in the interleaving that choices say, as far as they go, and then always lets the first go on. It
// returns how many could have gone on at each step.
func (s *turnstile) play(operations []func(context.Context), choices []int) (options []int) {
	waiting := make([]*runner, len(operations))
	for i, op := range operations {
		r := &runner{gate: make(chan bool)}
		go func() {
			op(context.WithValue(context.Background(), runnerKey{}, r))
			r.ended = true
			s.arrived <- r
		}()
		waiting[i] = <-s.arrived // it stands at its first call, before the next one starts
	}
	for {
		var able []*runner
		for _, r := range waiting {
			if !r.ended {
				able = append(able, r)
			}
		}
		if len(able) == 0 {
			return options
		}
		choice := 0
		if len(options) < len(choices) {
			choice = min(choices[len(options)], len(able)-1)
		}
		options = append(options, len(able))
		able[choice].gate <- true
		<-s.arrived
	}
}

// interleave plays every interleaving of what scenario sets up, and has each one judged. The seed settles which ID comes before which.
func interleave(t *testing.T, seed uint64, scenario func(s *turnstile) (operations []func(context.Context), judge func() error)) (played int) {
	t.Helper()
	var choices []int
	for {
		cryptotest.SetGlobalRandom(t, seed)
		s := &turnstile{arrived: make(chan *runner)}
		operations, judge := scenario(s)
		options := s.play(operations, choices)
		played++
		if err := judge(); err != nil {
			t.Fatalf("interleaving %v: %v", choices, err)
		}
		// The next in order: the last choice that can be raised is raised, and all after it forgotten.
		for len(choices) < len(options) {
			choices = append(choices, 0)
		}
		choices = choices[:len(options)]
		for len(choices) > 0 && choices[len(choices)-1] == options[len(choices)-1]-1 {
			choices = choices[:len(choices)-1]
		}
		if len(choices) == 0 {
			return played
		}
		choices[len(choices)-1]++
	}
}

// A scene is a token that several operations fall upon at once.
type scene struct {
	a, resealer *hallpass.Authority
	token       hallpass.Token
	texts       []string // of the token and of its returned replacements
	fresh       int      // how many replacements were returned
	revoked     []error  // what Revoke, RevokeAll and RevokeExposed returned
	all         []error  // what RevokeAll returned
	other       []error  // what anything else returned
}

var operations = map[string]func(*scene, context.Context){
	"revoke": func(s *scene, ctx context.Context) { s.revoked = append(s.revoked, s.a.Revoke(ctx, acme, s.token.ID)) },
	"expose": func(s *scene, ctx context.Context) {
		_, err := s.a.RevokeExposed(ctx, s.texts[0])
		if errors.Is(err, hallpass.ErrUnauthenticated) {
			err = nil // somebody was faster
		}
		s.revoked = append(s.revoked, err)
	},
	"all": func(s *scene, ctx context.Context) {
		_, err := s.a.RevokeAll(ctx, acme)
		s.revoked, s.all = append(s.revoked, err), append(s.all, err)
	},
	"rotate":  func(s *scene, ctx context.Context) { s.rotate(ctx, 0) },
	"overlap": func(s *scene, ctx context.Context) { s.rotate(ctx, time.Hour) },
	"reseal": func(s *scene, ctx context.Context) {
		for _, err := range s.resealer.Reseal(ctx) {
			s.other = append(s.other, err)
		}
	},
}

func (s *scene) rotate(ctx context.Context, overlap time.Duration) {
	_, secret, err := s.a.Rotate(ctx, acme, s.token.ID, overlap)
	if err == nil {
		s.texts, s.fresh = append(s.texts, secret.Reveal()), s.fresh+1
	} else if !errors.Is(err, hallpass.ErrConflict) {
		s.other = append(s.other, err)
	}
}

// judge says what went wrong. Everybody has returned.
func (s *scene) judge(names []string) error {
	ctx := context.Background()
	for _, err := range append(s.revoked, s.other...) {
		if err != nil {
			return err
		}
	}
	if s.fresh > 1 {
		return errors.New("a token was replaced twice")
	}
	live := make([]bool, len(s.texts))
	for i, text := range s.texts {
		_, err := s.a.Authenticate(ctx, text)
		if err != nil && err != hallpass.ErrUnauthenticated {
			return err
		}
		live[i] = err == nil
	}
	if len(s.revoked) > 0 && live[0] {
		return errors.New("a revocation was undone")
	}
	for _, l := range live {
		if len(s.all) > 0 && l {
			return errors.New("a replacement outlives a RevokeAll")
		}
	}
	if s.fresh == 1 && len(s.all) == 0 && !live[1] {
		return errors.New("a returned replacement is dead, and nobody revoked it")
	}
	// Nothing is left behind that works: only what was returned is live.
	n := 0
	for token, err := range s.a.List(ctx, acme, hallpass.ListOptions{}) {
		if err != nil {
			return fmt.Errorf("%v: %w", token.ID, err)
		}
		n++
	}
	for _, l := range live {
		if l {
			n--
		}
	}
	if n != 0 {
		return fmt.Errorf("%d tokens are live that nobody has", n)
	}
	for id, err := range s.a.Verify(ctx) {
		return fmt.Errorf("%v: %w", id, err)
	}
	return nil
}

// Whatever the order in which the store gets the calls of operations that race: no revocation is undone, and no returned replacement outlives
// a returned RevokeAll.
func TestRacesInEveryInterleaving(t *testing.T) {
	old, current := hallpass.GenerateKey(), hallpass.GenerateKey()
	races := [][]string{
		{"revoke", "rotate"}, {"revoke", "overlap"}, {"revoke", "reseal"}, {"revoke", "all"}, {"revoke", "revoke"}, {"revoke", "expose"},
		{"expose", "rotate"}, {"rotate", "all"}, {"overlap", "all"}, {"rotate", "rotate"}, {"rotate", "overlap"}, {"rotate", "reseal"},
		{"overlap", "reseal"}, {"all", "reseal"}, {"all", "all"}, {"reseal", "reseal"},
	}
	if os.Getenv("HALLPASS_LONG") != "" {
		races = append(races, []string{"revoke", "overlap", "reseal"}, []string{"revoke", "rotate", "revoke"})
	}
	for variant := range 8 {
		single, seed := variant%2 == 1, uint64(variant/2)
		total := 0
		for _, names := range races {
			total += interleave(t, seed, func(s *turnstile) ([]func(context.Context), func() error) {
				s.inner = memstore.New()
				if single {
					s.inner = oneAtATime(s.inner)
				}
				// The token is under the old key, so that there is something to reseal.
				before := hallpasstest.With(t, hallpass.Config{Store: s, Keys: mustKeys(t, old)})
				sc := &scene{a: hallpasstest.With(t, hallpass.Config{Store: s, Keys: mustKeys(t, old, current)})}
				sc.resealer = hallpasstest.With(t, hallpass.Config{Store: s, Keys: mustKeys(t, current, old)})
				token, secret, err := before.Issue(context.Background(), grant(api, hallpass.RepositoryRead))
				require.NoError(t, err)
				sc.token, sc.texts = token, []string{secret.Reveal()}
				var ops []func(context.Context)
				for _, name := range names {
					ops = append(ops, func(ctx context.Context) { operations[name](sc, ctx) })
				}
				return ops, func() error {
					if err := sc.judge(names); err != nil {
						return fmt.Errorf("%v: %w", names, err)
					}
					return nil
				}
			})
		}
		t.Logf("seed %d, one change in a write: %v; %d interleavings of %d races", seed, single, total, len(races))
		require.Greater(t, total, 500)
	}
}

// The test sees what it looks for: without the comparison of seals, a revocation is undone.
func TestTheTurnstileCatchesALostUpdate(t *testing.T) {
	undone := 0
	interleave(t, 1, func(s *turnstile) ([]func(context.Context), func() error) {
		inner := memstore.New()
		s.inner = &hooked{Store: inner, write: func(ctx context.Context, changes ...hallpass.Change) error {
			for i := range changes {
				if changes[i].Old != nil {
					changes[i].Old, _ = inner.Get(ctx, changes[i].Old.Token.ID)
				}
			}
			return inner.Write(ctx, changes...)
		}}
		sc := &scene{a: hallpasstest.With(t, hallpass.Config{Store: s})}
		sc.token, sc.texts = hallpass.Token{}, nil
		token, secret, err := sc.a.Issue(context.Background(), grant(api, hallpass.RepositoryRead))
		require.NoError(t, err)
		sc.token, sc.texts = token, []string{secret.Reveal()}
		return []func(context.Context){
				func(ctx context.Context) { operations["revoke"](sc, ctx) },
				func(ctx context.Context) { operations["overlap"](sc, ctx) },
			}, func() error {
				if sc.judge(nil) != nil {
					undone++
				}
				return nil
			}
	})
	require.NotZero(t, undone)
}
