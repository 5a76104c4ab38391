package hallpass

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMustPanicsOnAMistakeInThisPackage(t *testing.T) {
	assert.Panics(t, func() { must(NewCatalog()) })
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	m := newMemory()
	for i := range memorySize + 10 {
		m.put(&verdict{record: Record{Token: Token{ID: ID(fmt.Sprint(i))}}})
		assert.LessOrEqual(t, m.verdicts.Len(), memorySize)
	}
	assert.Equal(t, 10, m.verdicts.Len())
	assert.NotNil(t, m.of(ID(fmt.Sprint(memorySize))))
	assert.Nil(t, m.of("0"))
}
