package dbtest

import (
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/storetest"
)

func TestSQLiteKeepsTheContractOfAStore(t *testing.T) {
	t.Parallel()
	settings := []struct {
		name, options string
		connections   int
	}{
		{"nothing set", "", 0},
		{"WAL and patience", wal, 0},
		{"one connection", "", 1},
	}
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) hallpass.Store {
				db := open(t, newFile(t), s.options)
				db.SetMaxOpenConns(s.connections)
				return migrated(t, db)
			})
		})
	}
}
