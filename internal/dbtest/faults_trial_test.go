package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A trial is what a fault falls upon: an Authority whose database is about to fail, and tokens in a workspace of their own.
type trial struct {
	e       engine
	a       *hallpass.Authority
	store   *sqlstore.Store // that of a
	w       hallpass.Resource
	live    []known // tokens that work, the first of which is acted upon
	dead    known   // one that was revoked
	unknown string  // a text of the right form that belongs to no record
	made    []known // what was issued or rotated, and returned
}

// A feat is something that is done while the database fails.
type feat struct {
	name string
	do   func(ctx context.Context, s *trial) error // nil: it came out as it is to come out without a fault
	ends int                                       // so many of the live tokens are dead when it returned nil
	adds bool                                      // a token may be left of which nobody knows

	// after an error, what it may say when it is called again: that it was done before.
	before error
}

var (
	errWrong = errors.New("this must not be")
	allow    = func(ctx context.Context, a *hallpass.Authority, text string, w hallpass.Resource) error {
		_, err := a.Authorize(ctx, text, w, hallpass.RepositoryRead)
		return err
	}
	feats = []feat{
		{name: "authorize live", do: func(ctx context.Context, s *trial) error { return allow(ctx, s.a, s.live[0].Text, s.w) }},
		{name: "authorize revoked", do: func(ctx context.Context, s *trial) error { return refused(allow(ctx, s.a, s.dead.Text, s.w)) }},
		{name: "authorize unknown", do: func(ctx context.Context, s *trial) error { return refused(allow(ctx, s.a, s.unknown, s.w)) }},
		{name: "issue", adds: true, do: func(ctx context.Context, s *trial) error {
			return s.make(s.a.Issue(ctx, grant(s.w, hallpass.RepositoryRead)))
		}},
		{name: "revoke", ends: 1, do: func(ctx context.Context, s *trial) error { return s.a.Revoke(ctx, s.w, s.live[0].ID) }},
		{name: "revoke exposed", ends: 1, before: hallpass.ErrUnauthenticated, do: func(ctx context.Context, s *trial) error {
			_, err := s.a.RevokeExposed(ctx, s.live[0].Text)
			return err
		}},
		{name: "revoke all", ends: 3, do: func(ctx context.Context, s *trial) error {
			_, err := s.a.RevokeAll(ctx, s.w)
			return err
		}},
		{name: "rotate", ends: 1, adds: true, before: hallpass.ErrConflict, do: func(ctx context.Context, s *trial) error {
			return s.make(s.a.Rotate(ctx, s.w, s.live[0].ID, 0))
		}},
		{name: "rotate with overlap", adds: true, before: hallpass.ErrConflict, do: func(ctx context.Context, s *trial) error {
			return s.make(s.a.Rotate(ctx, s.w, s.live[0].ID, time.Hour))
		}},
		{name: "list", do: func(ctx context.Context, s *trial) error {
			var ids []hallpass.ID
			for token, err := range s.a.List(ctx, s.w, hallpass.ListOptions{IncludeRevoked: true}) {
				if err != nil {
					return err
				}
				ids = append(ids, token.ID)
			}
			if want := append(s.ids(), s.dead.ID); len(ids) != len(want) {
				return fmt.Errorf("%w: a list of %d of %d tokens", errWrong, len(ids), len(want))
			}
			return nil
		}},
		{name: "get", do: func(ctx context.Context, s *trial) error {
			_, err := s.a.Get(ctx, s.w, s.live[0].ID)
			return err
		}},
		{name: "check", do: func(ctx context.Context, s *trial) error { return s.a.Check(ctx) }},
		{name: "reseal", do: func(ctx context.Context, s *trial) (failed error) {
			for _, err := range s.a.Reseal(ctx) {
				failed = errors.Join(failed, err)
			}
			return failed
		}},
		{name: "flush uses", do: func(ctx context.Context, s *trial) error {
			if err := allow(ctx, s.a, s.live[0].Text, s.w); err != nil {
				return err
			}
			return s.a.FlushUses(ctx)
		}},
	}
)

// refused is nil for the only answer that a dead token may get.
func refused(err error) error {
	switch err {
	case hallpass.ErrUnauthenticated:
		return nil
	case nil:
		return fmt.Errorf("%w: a dead token is allowed", errWrong)
	}
	return err
}

// make notes what was issued.
func (s *trial) make(token hallpass.Token, secret hallpass.Secret, err error) error {
	if err == nil {
		s.made = append(s.made, known{token.ID, secret.Reveal()})
	}
	return err
}

func (s *trial) ids() (ids []hallpass.ID) {
	for _, k := range slices.Concat(s.live, s.made) {
		ids = append(ids, k.ID)
	}
	return ids
}

// A theatre is a database without faults, on which trials are set up and judged.
type theatre struct {
	engine
	dsn      string
	old, new []byte
	store    *sqlstore.Store
	clean    *hallpass.Authority
	begin    func() (hallpass.Store, func() error)
	trials   int
}

func (e engine) theatre(t *testing.T) *theatre {
	t.Helper()
	h := &theatre{engine: e, dsn: e.fresh(t), old: hallpass.GenerateKey(), new: hallpass.GenerateKey()}
	db := e.open(t, h.dsn)
	h.store = e.store(t, db)
	lossy, err := sqlstore.New(db, e.dialect.AllowLossyRevocation())
	require.NoError(t, err)
	h.begin = func() (hallpass.Store, func() error) {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		return lossy.WithTx(tx), tx.Commit
	}
	h.clean = h.authority(t, h.store)
	return h
}

// authority returns one that knows nothing yet.
func (h *theatre) authority(t *testing.T, store hallpass.Store) *hallpass.Authority {
	t.Helper()
	return hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, h.new, h.old)})
}

// set sets up a trial, with records under the old key.
func (h *theatre) set(t *testing.T) *trial {
	t.Helper()
	h.trials++
	s := &trial{e: h.engine, w: hallpass.Workspace(fmt.Sprintf("w%d", h.trials))}
	tx, commit := h.begin()
	issuer := hallpasstest.With(t, hallpass.Config{Store: h.store, Keys: mustKeys(t, h.old)}).With(tx)
	var all []known
	for range 4 {
		token, text := issue(t, issuer, s.w)
		all = append(all, known{token.ID, text})
	}
	s.live, s.dead = all[:3], all[3]
	require.NoError(t, issuer.Revoke(t.Context(), s.w, s.dead.ID))
	require.NoError(t, commit())
	_, s.unknown = issue(t, hallpasstest.With(t, hallpass.Config{Keys: mustKeys(t, h.old)}), s.w)
	return s
}

// promptly fails the test if do does not end.
func promptly(t *testing.T, what string, do func() error) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("%w: a panic escapes: %v", errWrong, p)
			}
		}()
		ended <- do()
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: it hangs", what)
		return nil
	}
}
