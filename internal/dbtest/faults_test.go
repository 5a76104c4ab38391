package dbtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// fault sets up a trial, and does f with call number at going wrong, none if at is 0. It returns the call that went wrong, "" if none did, and
// how many calls f made.
func (h *theatre) fault(t *testing.T, f feat, k kind, at int) (hit string, calls int) {
	t.Helper()
	s := h.set(t)
	db, faults := h.faultyDB(t, h.dsn, k, at)
	var err error
	s.store, err = sqlstore.New(db, h.dialect)
	require.NoError(t, err)
	s.a = h.authority(t, s.store)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	faults.cancel = cancel

	err = promptly(t, fmt.Sprintf("%s: call %d %s", f.name, at, k), func() error { return f.do(ctx, s) })
	hit, calls = faults.heal()
	what := fmt.Sprintf("%s: call %d, %s, %s: %v", f.name, at, hit, k, err)
	h.judge(t, what, s, f, err == nil, err != nil)
	if err != nil {
		require.NotErrorIs(t, err, errWrong, what)
		require.NotEqual(t, dropped, k, "%s: nothing was done, so it is tried again", what)
		require.NotEmpty(t, hit, what)
		require.ErrorIs(t, err, hallpass.ErrUnavailable, what)
		for _, no := range []error{hallpass.ErrUnauthenticated, hallpass.ErrNotFound, hallpass.ErrConflict, hallpass.ErrTampered, hallpass.ErrInvalid} {
			require.NotErrorIs(t, err, no, what)
		}
		again := promptly(t, what+"; again", func() error { return f.do(t.Context(), s) })
		if f.before == nil || !errors.Is(again, f.before) {
			require.NoError(t, again, what)
		}
		h.judge(t, what+"; again", s, f, true, true)
	}

	// The pool works: no connection is left in a transaction, or in use, but one in which the driver panicked.
	left := 0
	if k == panics {
		left = 1
	}
	assert.LessOrEqual(t, db.Stats().InUse, left, what)
	require.NoError(t, promptly(t, what+"; then issue", func() error {
		_, _, err := s.a.Issue(t.Context(), grant(s.w, hallpass.RepositoryRead))
		return err
	}))
	h.judgeTexts(t, what+"; later", s.a, s)
	require.NoError(t, promptly(t, what+"; close", db.Close))
	return hit, calls
}

// judge looks at what is true, with an Authority that knows nothing and a database without faults.
func (h *theatre) judge(t *testing.T, what string, s *trial, f feat, done, failed bool) {
	t.Helper()
	a := h.authority(t, h.store)
	h.judgeTexts(t, what, a, s)
	for i, k := range s.live {
		err := allow(t.Context(), a, k.Text, s.w)
		switch {
		case i < f.ends && done:
			require.Equal(t, hallpass.ErrUnauthenticated, err, "%s: it is dead", what)
		case i < f.ends:
			if err != nil {
				require.Equal(t, hallpass.ErrUnauthenticated, err, what)
			}
		default:
			require.NoError(t, err, "%s: it is live", what)
		}
	}
	for _, k := range s.made {
		require.NoError(t, allow(t.Context(), a, k.Text, s.w), "%s: it was handed out", what)
	}
	listed := list(t, a, s.w, hallpass.ListOptions{IncludeRevoked: true})
	orphans := len(listed) - len(s.live) - len(s.made) - 1
	require.GreaterOrEqual(t, orphans, 0, what)
	if f.adds && failed {
		orphans-- // "there may be a token whose secret nobody has"
	}
	require.LessOrEqual(t, orphans, 0, what)
}

// judgeTexts sees to it that a allows none that is dead.
func (h *theatre) judgeTexts(t *testing.T, what string, a *hallpass.Authority, s *trial) {
	t.Helper()
	for _, text := range []string{s.dead.Text, s.unknown} {
		require.Equal(t, hallpass.ErrUnauthenticated, allow(t.Context(), a, text, s.w), what)
	}
}

// Whatever call of the database goes wrong, and however: nothing is allowed that was revoked, no error says that a live token is bad, what returned nil
// is so, and calling again makes it so.
func TestNoFaultOfTheDatabaseChangesAnAnswer(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		begun, total := time.Now(), 0
		counts := map[kind]int{}
		for i, f := range feats {
			h := e.theatre(t)
			_, calls := h.fault(t, f, "", 0)
			for at := 1; at <= calls; at++ {
				for j, k := range kinds {
					if !long() && (i+j+at)%len(kinds) != 0 {
						continue // each in its turn
					}
					hit, _ := h.fault(t, f, k, at)
					require.NotEmpty(t, hit, "%s: call %d", f.name, at)
					counts[k]++
					total++
				}
			}
			assert.Empty(t, collect(h.clean.Verify(t.Context())), f.name)
		}
		t.Logf("%d faults in %d operations in %v: %v", total, len(feats), time.Since(begun).Round(time.Second), counts)
	})
}
