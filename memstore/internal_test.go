package memstore

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

func TestSharedTextsAreBounded(t *testing.T) {
	s := New()
	for i := range 2 * maxTexts {
		r := &hallpass.Record{Token: hallpass.Token{ID: hallpass.ID(fmt.Sprint(i)), Resource: hallpass.Workspace(fmt.Sprint(i))}}
		require.NoError(t, s.Write(t.Context(), hallpass.Change{New: r}))
	}
	assert.Less(t, len(s.texts), maxTexts+3)
}

func TestTheIDOfAUseHoldsOnToNothing(t *testing.T) {
	s, whole := New(), strings.Repeat("x", 64)
	require.NoError(t, s.RecordUses(t.Context(), []hallpass.Use{{ID: hallpass.ID(whole[:1]), At: time.Now()}}))
	for id := range s.uses {
		assert.NotSame(t, unsafe.StringData(whole), unsafe.StringData(string(id)))
	}
}
