package legacyhash

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

const (
	usualConcurrency = 2
	usualFailures    = 10
	window           = time.Minute
	maxFailing       = 4096 // IDs whose failures are counted; of more, the one that failed first is forgotten
)

// Limits bound what slow hashes cost. They need no goroutine.
type limits struct {
	slots    chan struct{} // has one for each hash that is computed
	failures int

	mu      sync.Mutex
	failing map[hallpass.ID]failing
}

// A failing ID had n failures since a time.
type failing struct {
	since time.Time
	n     int
}

func newLimits(concurrency, failures int) *limits {
	if concurrency == 0 {
		concurrency = usualConcurrency
	}
	if failures == 0 {
		failures = usualFailures
	}
	return &limits{slots: make(chan struct{}, concurrency), failures: failures, failing: map[hallpass.ID]failing{}}
}

var errFailures = errors.New("legacyhash: too many failures for this token; try again in a minute")

// run runs matches when it is its turn, and counts if it fails.
func (l *limits) run(ctx context.Context, id hallpass.ID, matches func() bool) (bool, error) {
	// What is refused does not wait.
	if l.exhausted(id) {
		return false, errFailures
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	// Others may have failed meanwhile, and a select does not prefer a context that is done.
	if l.exhausted(id) {
		return false, errFailures
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	ok := matches()
	if !ok {
		l.fail(id)
	}
	return ok, nil
}

// exhausted reports whether there were too many failures.
func (l *limits) exhausted(id hallpass.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failing[id]
	return f.n >= l.failures && time.Since(f.since) < window
}

// fail counts a failure.
func (l *limits) fail(id hallpass.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	f := l.failing[id]
	if f.n == 0 || now.Sub(f.since) >= window {
		f = failing{since: now}
	}
	if f.n++; f.n == 1 {
		delete(l.failing, id)
		l.makeRoom()
	}
	l.failing[id] = f
}

// makeRoom forgets the ID that failed first, if there are too many.
func (l *limits) makeRoom() {
	if len(l.failing) < maxFailing {
		return
	}
	var first hallpass.ID
	for id, f := range l.failing {
		if first == "" || f.since.Before(l.failing[first].since) {
			first = id
		}
	}
	delete(l.failing, first)
}
