package hallpass_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// Whatever a store does, nothing is allowed, and the answer is that nobody could say.
func TestAStoreThatFailsIsUnavailable(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	other, _ := issue(t, a, api, hallpass.RepositoryRead)
	broken := errors.New("connection refused")
	another := func(ctx context.Context, _ hallpass.ID) (*hallpass.Record, error) { return inner.Get(ctx, other.ID) }
	for name, get := range map[string]func(context.Context, hallpass.ID) (*hallpass.Record, error){
		"an error": func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, broken },
		"a record with an error": func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, _ := inner.Get(ctx, id)
			return r, broken
		},
		"a panic": func(context.Context, hallpass.ID) (*hallpass.Record, error) { panic("store") },
		"a nil dereference": func(context.Context, hallpass.ID) (*hallpass.Record, error) {
			var r *hallpass.Record
			return &hallpass.Record{Token: r.Token}, nil
		},
		"no record and no error": func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, nil },
		"another record":         another,
		"a zero record":          func(context.Context, hallpass.ID) (*hallpass.Record, error) { return &hallpass.Record{}, nil },
		"an error that wraps denied": func(context.Context, hallpass.ID) (*hallpass.Record, error) {
			return nil, fmt.Errorf("x: %w", hallpass.ErrDenied)
		},
		"an error that wraps a good no": func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, hallpass.ErrUnauthenticated },
		"unavailable that wraps not found": func(context.Context, hallpass.ID) (*hallpass.Record, error) {
			return nil, fmt.Errorf("%w: %w", hallpass.ErrUnavailable, hallpass.ErrNotFound)
		},
		"cancelled that wraps not found": func(context.Context, hallpass.ID) (*hallpass.Record, error) {
			return nil, fmt.Errorf("%w: %w", context.Canceled, hallpass.ErrNotFound)
		},
		"late that wraps not found": func(context.Context, hallpass.ID) (*hallpass.Record, error) {
			return nil, fmt.Errorf("%w: %w", context.DeadlineExceeded, hallpass.ErrNotFound)
		},
	} {
		store.get = get
		l.take()
		got, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.Zero(t, got)
		e := l.one(t)
		assert.Equal(t, hallpass.Unavailable, e.Kind, name)
		assert.Equal(t, token.ID, e.Token.ID)
		assert.Equal(t, err, e.Err)
		_, err = a.Authenticate(t.Context(), text)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.ErrorIs(t, a.Recheck(t.Context(), token), hallpass.ErrUnavailable, name)
		_, err = a.Get(t.Context(), acme, token.ID)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.ErrorIs(t, a.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable, name)
		_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
	}
	store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, broken }
	_, err := a.Authenticate(t.Context(), text)
	assert.ErrorIs(t, err, broken, "the cause is wrapped")
	store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) {
		return nil, fmt.Errorf("row: %w", hallpass.ErrNotFound)
	}
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err, "a wrapped not found is one")
}

func TestAContextThatEndsIsUnavailable(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	token, text := issue(t, a, api, hallpass.RepositoryRead)

	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Authorize(done, text, api, hallpass.RepositoryRead)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, a.Revoke(done, acme, token.ID), hallpass.ErrUnavailable)
	_, _, err = a.Issue(done, grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	_, errs := list(t, a, acme, hallpass.ListOptions{})
	assert.Equal(t, []error{nil}, errs)
	for _, err := range a.List(done, acme, hallpass.ListOptions{}) {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	}
	assert.ErrorIs(t, a.Check(done), hallpass.ErrUnavailable)

	// The context ends while the store works, which does not notice.
	for _, answer := range []func(context.Context, hallpass.ID) (*hallpass.Record, error){
		inner.Get,
		func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, hallpass.ErrNotFound },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		store.get = func(_ context.Context, id hallpass.ID) (*hallpass.Record, error) {
			cancel()
			return answer(context.Background(), id)
		}
		_, err = a.Authorize(ctx, text, api, hallpass.RepositoryRead)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorIs(t, err, context.Canceled)
	}
	store.get = nil
	ctx, cancel := context.WithCancel(t.Context())
	store.list = func(_ context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		cancel()
		return inner.List(context.Background(), q)
	}
	for _, err := range a.List(ctx, acme, hallpass.ListOptions{}) {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	}
	store.list = nil

	// A store that hangs until then.
	ctx, cancel = context.WithCancel(t.Context())
	store.get = func(ctx context.Context, _ hallpass.ID) (*hallpass.Record, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	_, err = a.Authorize(ctx, text, api, hallpass.RepositoryRead)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
}

func TestAWriteThatFailsIsUnavailable(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	l.take()
	for name, write := range map[string]func(context.Context, ...hallpass.Change) error{
		"an error": func(context.Context, ...hallpass.Change) error { return errors.New("disk full") },
		"a panic":  func(context.Context, ...hallpass.Change) error { panic("store") },
		"unavailable, conflict": func(context.Context, ...hallpass.Change) error {
			return fmt.Errorf("%w %w", hallpass.ErrUnavailable, hallpass.ErrConflict)
		},
		"invalid":     func(context.Context, ...hallpass.Change) error { return hallpass.ErrInvalid },
		"unsupported": func(context.Context, ...hallpass.Change) error { return errors.ErrUnsupported },
	} {
		store.write = write
		_, secret, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.Equal(t, "", secret.Reveal())
		_, secret, err = a.Rotate(t.Context(), acme, token.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.Equal(t, "", secret.Reveal())
		assert.ErrorIs(t, a.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable, name)
	}
	store.write = nil
	assert.Empty(t, l.take(), "nothing has happened that the audit log should tell")
	_, err := a.Authenticate(t.Context(), text)
	assert.NoError(t, err)
}

func TestAListThatFailsIsUnavailable(t *testing.T) {
	inner := memstore.New()
	store := &hooked{Store: inner}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	var records []*hallpass.Record
	for range 3 {
		issue(t, a, api, hallpass.RepositoryRead)
	}
	for r, err := range inner.List(t.Context(), hallpass.Query{All: true}) {
		require.NoError(t, err)
		records = append(records, r)
	}
	elsewhere := *records[1]
	elsewhere.Token.Resource = hallpass.Repository("globex", "api")
	yields := func(list ...*hallpass.Record) func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		return func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] {
			return func(yield func(*hallpass.Record, error) bool) {
				for _, r := range list {
					if !yield(r, nil) {
						return
					}
				}
			}
		}
	}
	for name, lists := range map[string]func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error]{
		"an error": func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] {
			return func(yield func(*hallpass.Record, error) bool) {
				_ = yield(records[0], nil) && yield(nil, hallpass.ErrNotFound)
			}
		},
		"a panic":                   func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] { panic("store") },
		"no iterator":               func(context.Context, hallpass.Query) iter.Seq2[*hallpass.Record, error] { return nil },
		"a nil record":              yields(records[0], nil),
		"out of order":              yields(records[1], records[0]),
		"one twice":                 yields(records[0], records[0]),
		"a record of somebody else": yields(records[0], &elsewhere),
	} {
		store.list = lists
		tokens, errs := list(t, a, acme, hallpass.ListOptions{})
		require.NotEmpty(t, errs, name)
		assert.ErrorIs(t, errs[len(errs)-1], hallpass.ErrUnavailable, name)
		assert.Zero(t, tokens[len(tokens)-1])
		_, err := a.RevokeAll(t.Context(), acme)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		if name != "a record of somebody else" { // which All includes
			assert.ErrorIs(t, collect(a.Verify(t.Context()))[""], hallpass.ErrUnavailable, name)
			assert.ErrorIs(t, collect(a.Reseal(t.Context()))[""], hallpass.ErrUnavailable, name)
			assert.ErrorIs(t, a.Check(t.Context()), hallpass.ErrUnavailable, name)
		}
	}
	// A store that never ends is read no further than a page.
	endless := 0
	store.list = func(_ context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		return func(yield func(*hallpass.Record, error) bool) {
			r := *records[0]
			for {
				endless++
				next := r
				next.Token.ID = hallpass.ID(fmt.Sprintf("%s%08d", records[0].Token.ID, endless))
				if !yield(&next, nil) {
					return
				}
			}
		}
	}
	for range a.List(t.Context(), acme, hallpass.ListOptions{Limit: 1}) {
	}
	assert.LessOrEqual(t, endless, 256)
}

// A test that ends in a store, as by FailNow, ends.
func TestGoexitInAStoreIsNotSwallowed(t *testing.T) {
	store := &hooked{Store: memstore.New(), get: func(context.Context, hallpass.ID) (*hallpass.Record, error) { runtime.Goexit(); return nil, nil }}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	finished, returned := make(chan bool), false
	go func() {
		defer close(finished)
		_, _ = a.Authenticate(context.Background(), text)
		returned = true
	}()
	<-finished
	assert.False(t, returned)
}

func TestCheckAsksAStoreThatCanBeAsked(t *testing.T) {
	broken := errors.New("a column has the wrong type")
	var answer func() error
	a := hallpasstest.With(t, hallpass.Config{Store: checked{memstore.New(), func(context.Context) error { return answer() }}})
	answer = func() error { return nil }
	assert.NoError(t, a.Check(t.Context()))
	answer = func() error { return broken }
	assert.ErrorIs(t, a.Check(t.Context()), hallpass.ErrUnavailable)
	assert.ErrorIs(t, a.Check(t.Context()), broken)
	answer = func() error { panic("store") }
	assert.ErrorIs(t, a.Check(t.Context()), hallpass.ErrUnavailable)
}

type checked struct {
	hallpass.Store
	check func(context.Context) error
}

func (s checked) Check(ctx context.Context) error { return s.check(ctx) }

func TestCheckChangesRefuses(t *testing.T) {
	a, b := &hallpass.Record{Token: hallpass.Token{ID: "a"}}, &hallpass.Record{Token: hallpass.Token{ID: "b"}}
	for why, changes := range map[string][]hallpass.Change{
		"without New": {{New: a}, {Old: b}},
		"an ID is":    {{Old: a, New: b}},
		"two changes": {{New: a}, {New: b}, {Old: a, New: a}},
	} {
		err := hallpass.CheckChanges(changes)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.ErrorContains(t, err, why)
	}
	assert.NoError(t, hallpass.CheckChanges(nil))
	assert.NoError(t, hallpass.CheckChanges([]hallpass.Change{{New: a}, {Old: b, New: b}}))
}

func TestAQueryMatches(t *testing.T) {
	record := func(id hallpass.ID, r hallpass.Resource) *hallpass.Record {
		return &hallpass.Record{Token: hallpass.Token{ID: id, Resource: r}}
	}
	for _, row := range []struct {
		q     hallpass.Query
		r     *hallpass.Record
		match bool
	}{
		{hallpass.Query{}, record("b", api), false},
		{hallpass.Query{}, record("b", hallpass.Resource{}), false},
		{hallpass.Query{Only: true}, record("b", hallpass.Resource{}), false},
		{hallpass.Query{All: true}, record("b", hallpass.Resource{}), true},
		{hallpass.Query{All: true}, record("b", api), true},
		{hallpass.Query{All: true}, record("", api), false},
		{hallpass.Query{All: true, After: "a"}, record("b", api), true},
		{hallpass.Query{All: true, After: "b"}, record("b", api), false},
		{hallpass.Query{All: true, After: "c"}, record("b", api), false},
		{hallpass.Query{Within: acme, Limit: 1}, record("b", api), true},
		{hallpass.Query{Within: acme}, record("b", acme), true},
		{hallpass.Query{Within: acme, After: "b"}, record("b", acme), false},
		{hallpass.Query{Within: acme, Only: true}, record("b", api), false},
		{hallpass.Query{Within: acme, Only: true}, record("b", acme), true},
		{hallpass.Query{Within: core}, record("b", core), true},
		{hallpass.Query{Within: core}, record("b", api), false},
		{hallpass.Query{Within: core}, record("b", api.In("core")), false}, // what a record's resource says by In is no truth
		{hallpass.Query{Within: api.In("core")}, record("b", api), true},
		{hallpass.Query{Within: api.In("core"), Only: true}, record("b", api.In("web")), true},
		{hallpass.Query{Within: hallpass.Workspace("globex")}, record("b", api), false},
	} {
		assert.Equal(t, row.match, row.q.Matches(row.r), "%+v of %v", row.q, row.r.Token.Resource)
	}
}

// There is no reason to say of a replaced record that its ID is taken.
func TestAnAnswerThatMakesNoSenseIsUnavailable(t *testing.T) {
	inner, key := memstore.New(), hallpass.GenerateKey()
	before := hallpasstest.With(t, hallpass.Config{Store: inner, Keys: mustKeys(t, key)})
	token, _ := issue(t, before, api, hallpass.RepositoryRead)
	store := &hooked{Store: inner, write: func(context.Context, ...hallpass.Change) error { return hallpass.ErrExists }}
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
	assert.ErrorIs(t, a.Revoke(t.Context(), acme, token.ID), hallpass.ErrUnavailable)
	n, err := a.RevokeAll(t.Context(), acme)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Zero(t, n)
	assert.ErrorIs(t, collect(a.Reseal(t.Context()))[token.ID], hallpass.ErrUnavailable)
	_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
}

// No token can have such an ID, so no store is asked for it, whoever asks.
func TestAStoreIsNeverAskedForABadID(t *testing.T) {
	store := &hooked{Store: memstore.New(), get: func(_ context.Context, id hallpass.ID) (*hallpass.Record, error) {
		t.Errorf("it was asked for %q", id)
		return nil, hallpass.ErrNotFound
	}}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	for _, id := range []hallpass.ID{"", " ", "a b", "a\x00", "a\n", "\x7f", "é", hallpass.ID(strings.Repeat("x", 129))} {
		assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), hallpass.Token{ID: id}), "%q", id)
		_, err := a.Get(t.Context(), acme, id)
		assert.ErrorIs(t, err, hallpass.ErrNotFound, "%q", id)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, "%q", id)
	}
	asked := 0
	store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) {
		asked++
		return nil, hallpass.ErrNotFound
	}
	for _, id := range []hallpass.ID{"!", "~", "a/b", hallpass.ID(strings.Repeat("x", 128))} {
		assert.Equal(t, hallpass.ErrUnauthenticated, a.Recheck(t.Context(), hallpass.Token{ID: id}), "%q", id)
		_, err := a.Get(t.Context(), acme, id)
		assert.Equal(t, hallpass.ErrNotFound, err, "%q", id)
	}
	assert.Equal(t, 8, asked)
}

// A store is asked for an identity: what In says is not its business.
func TestNoQuerySaysWhereARepositoryLies(t *testing.T) {
	inner := memstore.New()
	var asked []hallpass.Resource
	store := &hooked{Store: inner, list: func(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
		asked = append(asked, q.Within)
		return inner.List(ctx, q)
	}}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	list(t, a, api.In("core"), hallpass.ListOptions{})
	_, err := a.RevokeAll(t.Context(), api.In("core"))
	require.NoError(t, err)
	require.NotEmpty(t, asked)
	for _, r := range asked {
		assert.Equal(t, api, r)
	}
}
