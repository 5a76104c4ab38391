package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hallpass-go/hallpass"
)

// A ledger keeps the audit events in memory, for the job to show. A real host writes them to its log. A bearer of a bad token
// only ever hears 401; the events say why.
type ledger struct {
	mu     sync.Mutex
	events []hallpass.Event
}

// observe is for Config.Observe. It is called by the goroutine of each request, so it takes no longer than it has to.
func (l *ledger) observe(_ context.Context, e hallpass.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// since returns the events after the first n, and how many there are.
func (l *ledger) since(n int) ([]hallpass.Event, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[n:len(l.events):len(l.events)], len(l.events)
}

// tampered reports whether somebody presented a token whose row was edited. In production this event wakes people up.
func (l *ledger) tampered(id hallpass.ID) bool {
	events, _ := l.since(0)
	for _, e := range events {
		if e.Kind == hallpass.Rejected && e.Reason == hallpass.ReasonTampered && e.Token.ID == id {
			return true
		}
	}
	return false
}

// summary counts the events by kind: "7 issued, 1 rotated, ...".
func (l *ledger) summary() string {
	counts := map[hallpass.EventKind]int{}
	events, _ := l.since(0)
	for _, e := range events {
		counts[e.Kind]++
	}
	var parts []string
	for kind := hallpass.Issued; kind.String() != ""; kind++ {
		if n := counts[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %v", n, kind))
		}
	}
	return strings.Join(parts, ", ")
}
