package idmap

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Two IDs of one hash are two IDs.
func TestAHashAloneDecidesNothing(t *testing.T) {
	m := New(func(s *string) string { return *s })
	slots := make([]slot[string], 4)
	a, b := "a", "b"
	for _, v := range []*string{&a, &b} {
		s, old := m.find(slots, 7, *v)
		assert.Nil(t, old)
		s.fill(7, v)
	}
	for _, v := range []*string{&a, &b} {
		_, got := m.find(slots, 7, *v)
		assert.Same(t, v, got)
	}
	_, got := m.find(slots, 7, "c")
	assert.Nil(t, got)
}
