package dbtest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// A condition is what a token is in the model.
type condition int

const (
	absent   condition = iota
	live               // it works
	replaced           // it works, and cannot be rotated again
	ended
)

// tokens is the model of one token: what each operation may answer in each condition, and what it makes of it. An operation whose outcome is
// unknown fits everywhere. Where it did not happen, it can be said to have happened after all else.
var tokens = porcupine.Model{
	Partition: byToken,
	Init:      func() any { return absent },
	Step: func(state, _, output any) (bool, any) {
		d := output.(deed)
		c := state.(condition)
		works, unknown := c == live || c == replaced, d.Out == "unavailable"
		switch d.Op + " " + d.Out {
		case "issue ok":
			return c == absent, live
		case "authorize ok":
			return works, c
		case "authorize unauthenticated":
			return !works, c
		case "authorize unavailable":
			return true, c
		case "revoke ok", "revoke unavailable":
			return c != absent || unknown, ended
		case "rotate conflict", "overlap conflict":
			return c == replaced || c == ended, c
		case "rotate ok":
			return c == live, ended
		case "overlap ok":
			return c == live, replaced
		case "rotate unavailable":
			return true, map[condition]condition{absent: absent, live: ended, replaced: replaced, ended: ended}[c]
		case "overlap unavailable":
			return true, map[condition]condition{absent: absent, live: replaced, replaced: replaced, ended: ended}[c]
		}
		return false, c
	},
	DescribeOperation: func(_, output any) string { return fmt.Sprintf("%+v", output) },
}

func byToken(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	index := map[hallpass.ID]int{}
	for _, o := range history {
		id := o.Output.(deed).ID
		i, ok := index[id]
		if !ok {
			i, parts = len(parts), append(parts, nil)
			index[id] = i
		}
		parts[i] = append(parts[i], o)
	}
	return parts
}

// operation returns a deed as the checker takes it.
func operation(client int, d deed) porcupine.Operation {
	o := porcupine.Operation{ClientId: client, Call: d.Call, Output: d, Return: d.Return}
	if d.Out == "unavailable" {
		o.Return = math.MaxInt64 // it may still happen
	}
	return o
}

const actors = 3

// histories plays, and returns how many histories cannot be explained by any order of their operations.
func (e engine) histories(t *testing.T, n int, flaw string) (operations, unexplained, unknown int) {
	t.Helper()
	dsn, key := e.fresh(t), hallpass.GenerateKey()
	a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, e.open(t, dsn)), Keys: mustKeys(t, key)})
	var cast []*child
	for range actors {
		cast = append(cast, e.start(t, part{Role: "actor", DSN: dsn, Key: key, Seed: rand.Uint64(), Workspace: "acme", Flaw: flaw, MaxGoroutines: goroutines}))
	}
	for range n {
		history := perform(t, a, cast)
		operations += len(history)
		for _, o := range history {
			if o.Output.(deed).Out == "unavailable" {
				unknown++
			}
		}
		switch result := porcupine.CheckOperationsTimeout(tokens, history, time.Minute); {
		case result == porcupine.Ok:
		case result == porcupine.Illegal && flaw != "":
			unexplained++
		default:
			for _, p := range byToken(history) {
				if porcupine.CheckOperationsTimeout(tokens, p, time.Minute) != porcupine.Ok {
					for _, o := range p {
						t.Logf("client %d: %+v", o.ClientId, o.Output)
					}
				}
			}
			t.Fatalf("no order explains this history: %v", result)
		}
	}
	for _, c := range cast {
		require.NoError(t, c.in.Close())
		require.NoError(t, c.cmd.Wait(), "%s", c.err.text)
	}
	if flaw == "" {
		assert.Empty(t, collect(a.Verify(t.Context())))
	}
	return operations, unexplained, unknown
}

// perform has the cast play one history on two tokens of which all know from the beginning. What one makes, it tells the others.
func perform(t *testing.T, a *hallpass.Authority, cast []*child) (history []porcupine.Operation) {
	t.Helper()
	var begin message
	for range 2 {
		d := deed{Op: "issue", Out: "ok", Call: time.Now().UnixNano()}
		token, text := issue(t, a, acme)
		d.ID, d.Return = token.ID, time.Now().UnixNano()
		history = append(history, operation(actors, d))
		begin.Begin = append(begin.Begin, known{token.ID, text})
	}
	tell := func(c *child, m message) error {
		text, err := json.Marshal(m)
		if err == nil {
			_, err = c.in.Write(append(text, '\n'))
		}
		return err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, c := range cast {
		wg.Go(func() {
			for {
				var m message
				ok, err := c.hear(&m)
				if !assert.NoError(t, err) || !assert.True(t, ok, "%s", c.err.text) {
					return
				}
				mu.Lock()
				for _, d := range m.Deeds {
					history = append(history, operation(i, d))
				}
				for j, other := range cast {
					if m.Made != nil && j != i {
						assert.NoError(t, tell(other, m))
					}
				}
				mu.Unlock()
				if m.Ended {
					return
				}
			}
		})
	}
	for _, c := range cast {
		mu.Lock()
		assert.NoError(t, tell(c, begin))
		mu.Unlock()
	}
	wg.Wait()
	require.False(t, t.Failed())
	return history
}

// Whatever processes do at once with the same tokens: some order of their operations, in which each takes place at a moment between its call
// and its return, explains all that they were told.
func TestOperationsOfSeveralProcessesAreLinearizable(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			n := 8
			if long() {
				n = 3400
			}
			begun := time.Now()
			operations, _, unknown := e.histories(t, n, "")
			t.Logf("%d histories, %d operations of %d processes in %v, %d of unknown outcome: all linearizable",
				n, operations, actors, time.Since(begun).Round(time.Second), unknown)
			assert.Less(t, unknown*100, operations, "a history of unknown outcomes proves nothing")
		})
	}
}

// The test sees what it looks for: a store that believes for a moment what it has read, and one that does not compare seals, are found out.
func TestAStoreThatIsNotLinearizableIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		for _, flaw := range []string{"stale", "blind"} {
			t.Run(e.name+", "+flaw, func(t *testing.T) {
				t.Parallel()
				n, operations, unexplained := 0, 0, 0
				for unexplained == 0 && n < 100 {
					o, u, _ := e.histories(t, 8, flaw)
					n, operations, unexplained = n+8, operations+o, unexplained+u
				}
				t.Logf("%d of %d histories, of %d operations, are explained by no order", unexplained, n, operations)
				assert.Positive(t, unexplained)
			})
		}
	}
}
