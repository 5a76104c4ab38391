package idmap_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hallpass-go/hallpass/internal/idmap"
)

type value struct {
	id string
	n  int
}

func newMap() *idmap.Map[value] { return idmap.New(func(v *value) string { return v.id }) }

func TestAMapFindsWhatWasPut(t *testing.T) {
	m := newMap()
	assert.Nil(t, m.Get("0"))
	const n = 10_000
	for i := range n {
		m.Put(&value{fmt.Sprint(i), i})
	}
	for i := range n {
		assert.Equal(t, i, m.Get(fmt.Sprint(i)).n)
	}
	assert.Nil(t, m.Get(fmt.Sprint(n)))
	assert.Equal(t, n, m.Len())
	for i := range n {
		m.Put(&value{fmt.Sprint(i), -i})
	}
	assert.Equal(t, n, m.Len(), "a value takes the place of the one with its ID")
	assert.Equal(t, -7, m.Get("7").n)
	m.Clear()
	assert.Zero(t, m.Len())
	assert.Nil(t, m.Get("7"))
}

// Whoever put something finds it from then on, while the map grows under the readers.
func TestReadersSeeWhatWasPutWhileTheMapGrows(t *testing.T) {
	m := newMap()
	const n = 20_000
	done := make(chan int)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for upTo := range done {
				for i := upTo; i >= 0; i -= 97 {
					if v := m.Get(fmt.Sprint(i)); v == nil || v.n != i {
						t.Errorf("%d is missing once %d is there", i, upTo)
						return
					}
				}
			}
		})
	}
	for i := range n {
		m.Put(&value{fmt.Sprint(i), i})
		if i%50 == 0 {
			select {
			case done <- i:
			default:
			}
		}
	}
	close(done)
	readers.Wait()
}
