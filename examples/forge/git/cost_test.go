package git_test

import (
	"context"
	"encoding/hex"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/git"
)

// A counter is the store of the forge, and counts how often a token was read.
type counter struct {
	hallpass.Store
	reads, decisions atomic.Int32
}

func (c *counter) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, id)
}

// One request is one read of the token, however often it is decided on: what git asks first, without a token, costs nothing.
func TestAPushReadsItsTokenOnceForEachRequest(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	text, err := os.ReadFile(filepath.Join(w.dir, "key"))
	require.NoError(t, err)
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	keys, err := hallpass.NewKeys(key)
	require.NoError(t, err)
	c := &counter{Store: w.Store}
	passes, err := hallpass.New(hallpass.Config{Store: c, Keys: keys, Realm: "forge", Observe: func(_ context.Context, e hallpass.Event) { c.decisions.Add(1) }})
	require.NoError(t, err)
	mux := &bearer.Mux{Gate: &bearer.Gate{Authority: passes}}
	require.NoError(t, git.Routes(mux, w.Host, git.Options{}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	url := strings.Replace(server.URL, "://", "://x-token-auth:"+secret+"@", 1) + "/git/acme/api.git"

	cost := func(args ...string) [2]int32 {
		c.reads.Store(0)
		c.decisions.Store(0)
		run(t, dir, args...)
		return [2]int32{c.reads.Load(), c.decisions.Load()}
	}
	commit(t, dir, "small", 10)
	assert.Equal(t, [2]int32{2, 3}, cost("push", url, "main"), "info/refs, which is decided twice, and the pack")
	commit(t, dir, "big", 2<<20)
	assert.Equal(t, [2]int32{3, 4}, cost("push", url, "main"), "and a probe before what is sent in chunks")
	assert.Equal(t, [2]int32{2, 2}, cost("ls-remote", url), "version 2 has a request for the refs")
	assert.Equal(t, [2]int32{3, 3}, cost("clone", "--quiet", url, filepath.Join(t.TempDir(), "clone")))
}
