package dbtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// A server that is not strict cuts what is too long, and says nothing. So it is not sent.
func TestATextThatIsTooLongIsRefusedAndNotCut(t *testing.T) {
	t.Parallel()
	onEach(t, variants, func(t *testing.T, e engine) {
		db := e.open(t, e.fresh(t))
		store := e.store(t, db)
		a := on(t, store)
		token, text := issue(t, a, api)
		r, err := store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		long, longer := strings.Repeat("x", 129), strings.Repeat("x", 1<<16)
		for what, edit := range map[string]func(*hallpass.Record){
			"id": func(r *hallpass.Record) { r.Token.ID = hallpass.ID(long) }, "name": func(r *hallpass.Record) { r.Token.Name = long },
			"creator":  func(r *hallpass.Record) { r.Token.CreatedBy = long },
			"replaces": func(r *hallpass.Record) { r.Token.Replaces = hallpass.ID(long) }, "replaced by": func(r *hallpass.Record) { r.Token.ReplacedBy = hallpass.ID(long) },
			"scope": func(r *hallpass.Record) { r.ScopeText = longer }, "extra": func(r *hallpass.Record) { r.Extra = longer },
		} {
			edited := *r
			edited.Token.ID = "fresh"
			edit(&edited)
			assert.ErrorIs(t, store.Write(t.Context(), hallpass.Change{New: &edited}), hallpass.ErrInvalid, what)
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			assert.ErrorIs(t, store.WithTx(tx).Write(t.Context(), hallpass.Change{New: &edited}), hallpass.ErrInvalid, what)
			require.NoError(t, tx.Rollback())
		}
		assert.Equal(t, 1, count(t, db, e.table("tokens")))

		// What just fits is kept.
		fits := *r
		fits.Token.ID, fits.Token.Name, fits.Extra = hallpass.ID(long[1:]), long[1:], longer[1:]
		require.NoError(t, store.Write(t.Context(), hallpass.Change{New: &fits}))
		got, err := store.Get(t.Context(), fits.Token.ID)
		require.NoError(t, err)
		assert.Equal(t, &fits, got)
		_, err = a.Authenticate(t.Context(), text)
		assert.NoError(t, err)
	})
}
