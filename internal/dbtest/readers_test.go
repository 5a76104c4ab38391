package dbtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without WAL a commit has to wait until nobody reads. Readers that never stop must not keep it waiting until it gives up.
func TestReadersDoNotStarveAWriter(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	a := on(t, migrated(t, open(t, file, "")))
	_, text := issue(t, a, api)
	var wg sync.WaitGroup
	defer wg.Wait()
	done := make(chan struct{})
	defer close(done)
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, err := a.Authenticate(context.WithoutCancel(t.Context()), text)
					assert.NoError(t, err)
				}
			}
		})
	}
	longest := time.Duration(0)
	for range 40 {
		begin := time.Now()
		token, _ := issue(t, a, api)
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
		longest = max(longest, time.Since(begin))
	}
	t.Logf("the longest pair of writes took %v", longest)
	assert.Less(t, longest, 5*time.Second)
}
