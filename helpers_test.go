package hallpass_test

import (
	"context"
	"iter"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

var (
	acme = hallpass.Workspace("acme")
	core = hallpass.Project("acme", "core")
	api  = hallpass.Repository("acme", "api")
)

// grant is a sound Grant of these permissions.
func grant(r hallpass.Resource, permissions ...hallpass.Permission) hallpass.Grant {
	return hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: r, Permissions: permissions}
}

// issue issues a token and returns it with its text.
func issue(t testing.TB, a *hallpass.Authority, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, string) {
	t.Helper()
	token, secret, err := a.Issue(t.Context(), grant(r, permissions...))
	require.NoError(t, err)
	return token, secret.Reveal()
}

// mustKeys returns the keys of these materials.
func mustKeys(t testing.TB, current []byte, others ...[]byte) hallpass.Keys {
	t.Helper()
	keys, err := hallpass.NewKeys(current, others...)
	require.NoError(t, err)
	return keys
}

// A log collects audit events.
type log struct {
	mu     sync.Mutex
	events []hallpass.Event
}

func (l *log) observe(_ context.Context, e hallpass.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// take returns the events since the last take.
func (l *log) take() []hallpass.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// one returns the only event since the last take.
func (l *log) one(t testing.TB) hallpass.Event {
	t.Helper()
	events := l.take()
	require.Len(t, events, 1)
	return events[0]
}

// observed returns an Authority on store (nil: one of its own) and its log.
func observed(t testing.TB, store hallpass.Store) (*hallpass.Authority, *log) {
	l := &log{}
	return hallpasstest.With(t, hallpass.Config{Store: store, Observe: l.observe}), l
}

// A hooked store lets a test get in the way of single methods.
type hooked struct {
	hallpass.Store
	get   func(context.Context, hallpass.ID) (*hallpass.Record, error)
	write func(context.Context, ...hallpass.Change) error
	list  func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error]
}

func (s *hooked) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	if s.get != nil {
		return s.get(ctx, id)
	}
	return s.Store.Get(ctx, id)
}

func (s *hooked) Write(ctx context.Context, changes ...hallpass.Change) error {
	if s.write != nil {
		return s.write(ctx, changes...)
	}
	return s.Store.Write(ctx, changes...)
}

func (s *hooked) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	if s.list != nil {
		return s.list(ctx, q)
	}
	return s.Store.List(ctx, q)
}

// edit changes the record with this ID as somebody with access to the database would, past every check.
func edit(t testing.TB, s hallpass.Store, id hallpass.ID, change func(*hallpass.Record)) {
	t.Helper()
	old, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	edited := *old
	change(&edited)
	require.NoError(t, s.Write(t.Context(), hallpass.Change{Old: old, New: &edited}))
}

// list returns what List yields.
func list(t testing.TB, a *hallpass.Authority, within hallpass.Resource, opts hallpass.ListOptions) (tokens []hallpass.Token, errs []error) {
	t.Helper()
	for token, err := range a.List(t.Context(), within, opts) {
		tokens, errs = append(tokens, token), append(errs, err)
	}
	return tokens, errs
}

// collect returns what Verify or Reseal yields.
func collect(seq iter.Seq2[hallpass.ID, error]) map[hallpass.ID]error {
	all := map[hallpass.ID]error{}
	for id, err := range seq {
		all[id] = err
	}
	return all
}

// within reports whether part lies in the memory of whole.
func within(part, whole string) bool {
	p, w := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	return p >= w && p < w+uintptr(len(whole))
}

// wrong is a token with the ID of text and another secret.
func wrong(text string) string {
	last := "0"
	if text[57:58] == last {
		last = "1"
	}
	return withChecksum(text[:57] + last)
}
