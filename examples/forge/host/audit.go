package host

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// An AuditEntry is a line of the audit log.
type AuditEntry struct {
	ID                                               int64
	At                                               time.Time
	Kind, Token, Name, Resource, Permissions, Reason string
}

// audit takes the events of hallpass, which must not be kept waiting, and writes them in batches. What is allowed is the most by far,
// and is written once a minute for each token and what it did.
type audit struct {
	db     *sql.DB
	queue  chan hallpass.Event
	done   chan error
	mu     sync.Mutex
	minute int64
	seen   map[string]bool // what was allowed in this minute
	lost   int
	closed bool
}

const (
	auditQueue = 4096
	auditBatch = 256
)

func newAudit(db *sql.DB) *audit {
	a := &audit{db: db, queue: make(chan hallpass.Event, auditQueue), done: make(chan error, 1), seen: map[string]bool{}}
	go func() { a.done <- a.write() }() // until close
	return a
}

// observe is Config.Observe. It waits for nobody: an event that finds the queue full goes to the log of the process alone.
func (a *audit) observe(_ context.Context, e hallpass.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Reason == hallpass.ReasonTampered {
		slog.Error("the record of a token was changed outside hallpass", "event", e) // which no page can wait for
	}
	if a.closed || e.Kind == hallpass.Allowed && !a.first(e) {
		return
	}
	select {
	case a.queue <- e:
	default:
		a.lost++
		slog.Warn("the audit log is full", "event", e, "lost", a.lost)
	}
}

// first reports whether e was not allowed before in this minute.
func (a *audit) first(e hallpass.Event) bool {
	if minute := e.At.Unix() / 60; minute != a.minute || len(a.seen) > auditQueue {
		a.minute, a.seen = minute, map[string]bool{}
	}
	key := string(e.Token.ID) + " " + e.Resource.String() + " " + permissions(e)
	if a.seen[key] {
		return false
	}
	a.seen[key] = true
	return true
}

// close writes what is queued. What comes later is dropped.
func (a *audit) close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	close(a.queue)
	return <-a.done
}

// write writes until the queue is closed.
func (a *audit) write() (failed error) {
	for e := range a.queue {
		batch := []hallpass.Event{e}
		for len(batch) < auditBatch && len(a.queue) > 0 {
			batch = append(batch, <-a.queue)
		}
		if err := a.insert(batch); err != nil {
			slog.Error("the audit log could not be written", "events", len(batch), "error", err)
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func (a *audit) insert(batch []hallpass.Event) error {
	tx, err := a.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // which does nothing after the commit
	for _, e := range batch {
		workspace, resource := e.Token.Resource.Workspace(), e.Resource.String()
		if e.Resource.Kind() == 0 {
			resource = e.Token.Resource.String()
		}
		if _, err := tx.Exec(`INSERT INTO audit (at, workspace, kind, token, name, resource, permissions, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			e.At.UnixMicro(), workspace, e.Kind.String(), string(e.Token.ID), e.Token.Name, resource, permissions(e), e.Reason); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Audit lists the newest entries of a workspace before the one with this ID, or the newest of all if it is 0.
func (h *Host) Audit(ctx context.Context, w Workspace, before int64, limit int) ([]AuditEntry, error) {
	entries, err := list(ctx, h.DB, func(e *AuditEntry) []any {
		return []any{&e.ID, (*micros)(&e.At), &e.Kind, &e.Token, &e.Name, &e.Resource, &e.Permissions, &e.Reason}
	}, `SELECT id, at, kind, token, name, resource, permissions, reason FROM audit
		WHERE workspace = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3`, w.ID, before, limit)
	return entries, err
}

// micros scans Unix microseconds.
type micros time.Time

func (m *micros) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return errors.New("a time that is no number")
	}
	*m = micros(time.UnixMicro(n).UTC())
	return nil
}

// permissions is what was asked for, and of a new token what it was made with.
func permissions(e hallpass.Event) string {
	if e.Kind == hallpass.Issued || e.Kind == hallpass.Rotated {
		return e.Token.Scope.String()
	}
	texts := make([]string, len(e.Permissions))
	for i, p := range e.Permissions {
		texts[i] = string(p)
	}
	return strings.Join(texts, " ")
}
