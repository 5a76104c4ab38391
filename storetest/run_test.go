package storetest_test

import (
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/memstore"
	"github.com/hallpass-go/hallpass/storetest"
)

func TestMemstore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) hallpass.Store { return memstore.New() })
}
