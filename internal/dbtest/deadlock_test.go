package dbtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// A write of several records that the database ends, to let a transaction of the host's go on, is made again.
func TestAWriteThatLosesADeadlockIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, e := range []engine{postgresEngine, mysqlEngine} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			db := e.open(t, e.fresh(t))
			store := e.store(t, db)
			a := on(t, store)
			var ids []hallpass.ID
			var changes []hallpass.Change
			for range 2 {
				token, _ := issue(t, a, api)
				old, err := store.Get(t.Context(), token.ID)
				require.NoError(t, err)
				edited := *old
				edited.Extra = "changed"
				ids, changes = append(ids, token.ID), append(changes, hallpass.Change{Old: old, New: &edited})
			}
			slices.Sort(ids)
			must(t, db, "CREATE TABLE jobs (n BIGINT)")
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer tx.Rollback()
			for n := range 100 {
				must(t, tx, fmt.Sprintf("INSERT INTO jobs VALUES (%d)", n)) // who has done more is let go on
			}
			lock := func(id hallpass.ID) {
				must(t, tx, e.placeholder("UPDATE hallpass_tokens SET format = format WHERE id = ?"), []byte(id))
				must(t, tx, e.placeholder("SELECT id FROM hallpass_tokens WHERE id = ? FOR UPDATE"), []byte(id))
			}
			lock(ids[1])
			done := make(chan error)
			go func() { done <- store.Write(t.Context(), changes...) }() // has the first, waits for the second
			time.Sleep(300 * time.Millisecond)
			lock(ids[0])
			require.NoError(t, tx.Commit())
			require.NoError(t, <-done)
			for _, id := range ids {
				r, err := store.Get(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, "changed", r.Extra)
			}
			assert.Equal(t, 100, count(t, db, "jobs"))
		})
	}
}
