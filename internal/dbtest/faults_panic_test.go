package dbtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A driver that panics leaves no transaction open: on such a connection, later checks would read what is past, and allow what somebody else has
// revoked since, and nobody could write any more.
func TestAPanicOfTheDriverLeavesNoTransactionOpen(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		h := e.theatre(t)
		for _, f := range feats {
			if f.name != "rotate" && f.name != "revoke" {
				continue
			}
			for at, hit := 1, "none yet"; hit != ""; at++ {
				s := h.set(t)
				db, faults := e.faultyDB(t, h.dsn, panics, at)
				store, err := sqlstore.New(db, e.dialect)
				require.NoError(t, err)
				s.a = h.authority(t, store)
				err = promptly(t, f.name, func() error { return f.do(t.Context(), s) })
				hit, _ = faults.heal()
				what := fmt.Sprintf("%s: call %d, %s: %v", f.name, at, hit, err)
				require.NoError(t, allow(t.Context(), s.a, s.live[1].Text, s.w), what)
				for i := range s.live {
					require.NoError(t, promptly(t, what, func() error { return h.clean.Revoke(t.Context(), s.w, s.live[i].ID) }), what)
				}
				for i := range s.live {
					require.Equal(t, hallpass.ErrUnauthenticated, allow(t.Context(), s.a, s.live[i].Text, s.w), what)
				}
				require.NoError(t, db.Close())
			}
		}
	})
}
