package dbtest

import (
	"testing"

	"github.com/hallpass-go/hallpass/storetest"
)

func TestEveryEngineKeepsTheContractOfAStore(t *testing.T) {
	t.Parallel()
	onEach(t, variants, func(t *testing.T, e engine) {
		storetest.Run(t, e.emptied(t, 16))
	})
}

// One connection in the pool is enough.
func TestOneConnectionKeepsTheContractOfAStore(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		storetest.Run(t, e.emptied(t, 1))
	})
}
