package git_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/git"
)

// zipped returns gzip that unpacks to n bytes, times over.
func zipped(t *testing.T, n, times int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(make([]byte, n))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return bytes.Repeat(b.Bytes(), times)
}

var zippedFetch = []string{"Content-Type", "application/x-git-upload-pack-request", "Content-Encoding", "gzip"}

func TestAGzipBombIsRefusedBeforeItGrows(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	bomb := zipped(t, 16<<20, 64)
	require.Less(t, len(bomb), 2<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	response, body := w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", bytes.NewReader(bomb), zippedFetch...)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	assert.Contains(t, body, "too big")
	assert.Less(t, took, 5*time.Second)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(200<<20), "all that was allocated, of 1 GiB")
	assert.Empty(t, w.children(t))
	t.Logf("%d bytes, refused after %v and %d MiB", len(bomb), took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
}

// What unpacks to nothing can come forever.
func TestAFetchHasAnEndPackedToo(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{FetchSize: 64 << 10, Processes: 1})
	response, _ := w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", bytes.NewReader(zipped(t, 0, 10000)), zippedFetch...)
	assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	response, _ = w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", bytes.NewReader(make([]byte, 64<<10+1)), zippedFetch[:2]...)
	assert.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	response, _ = w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", strings.NewReader(strings.Repeat("0000", 16<<10)), zippedFetch[:2]...)
	assert.Equal(t, http.StatusOK, response.StatusCode, "as much as there may be")
}

func TestAPushThatIsTooBigIsRefused(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{PushSize: 1 << 20})
	before := w.head(t, w.api, "main")
	commit(t, dir, "big", 3<<20)
	for name, buffer := range map[string]string{"of a known size": "10485760", "in chunks": "65536"} {
		out, err := try(t, dir, "-c", "http.postBuffer="+buffer, "push", "origin", "main")
		require.Error(t, err, name)
		assert.Contains(t, out, "HTTP 413", name)
		w.childless(t, 3*time.Second)
	}
	assert.Equal(t, before, w.head(t, w.api, "main"))

	c := w.dial(t, post(secret, "acme/api", "git-receive-pack", 1<<20+1)) // nothing of which is sent
	code, body := answer(t, c)
	assert.Equal(t, 413, code)
	assert.Equal(t, "The body of this request is too big: push less at a time.\n", body)

	run(t, dir, "reset", "--quiet", "--hard", "HEAD~")
	commit(t, dir, "small", 900<<10)
	run(t, dir, "-c", "http.postBuffer=65536", "push", "origin", "main")
}

// A server reads some of a body that nobody wanted. A client that does not send it waits for its answer all the same.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{PushSize: 1000})
	for want, head := range map[int]string{
		413: post(secret, "acme/api", "git-receive-pack", 1001),
		415: strings.Replace(post(secret, "acme/api", "git-receive-pack", 1000), "application/", "text/", 1),
		400: strings.Replace(post(secret, "acme/api", "git-upload-pack", 1000), " HTTP/", "?x=y HTTP/", 1),
	} {
		code, _ := w.raw(t, head)
		assert.Equal(t, want, code)
	}
}

// A push that is cut off leaves neither a ref nor a process nor a lock.
func TestASlowBodyEnds(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{Patience: 300 * time.Millisecond})
	for _, service := range []string{"git-upload-pack", "git-receive-pack"} {
		t.Run("that stops, for "+service, func(t *testing.T) {
			start := time.Now()
			code, body := answer(t, w.dial(t, post(secret, "acme/api", service, 1000)+"00"))
			assert.Equal(t, 408, code)
			assert.Equal(t, "The body of this request came too slowly.\n", body)
			assert.Less(t, time.Since(start), 5*time.Second)
			w.childless(t, 3*time.Second)
		})
		t.Run("that trickles, for "+service, func(t *testing.T) {
			c := w.dial(t, post(secret, "acme/api", service, 100000)+"fff0") // the length of a line that goes on for long
			go func() {
				for range 1000 {
					time.Sleep(20 * time.Millisecond)
					if _, err := io.WriteString(c, "0"); err != nil {
						return
					}
				}
			}()
			start := time.Now()
			code, _ := answer(t, c)
			assert.Equal(t, 408, code)
			assert.Less(t, time.Since(start), 5*time.Second)
			w.childless(t, 3*time.Second)
		})
	}
}

// A push may take as long as it has to, if it goes on.
func TestASteadyBodyIsNotCutOff(t *testing.T) {
	w, secret, body := recorded(t, git.Options{Patience: time.Second})
	c := w.dial(t, post(secret, "acme/site", "git-receive-pack", len(body)))
	for piece := range slices.Chunk(body, len(body)/15) {
		time.Sleep(150 * time.Millisecond)
		_, err := c.Write(piece)
		require.NoError(t, err)
	}
	code, text := answer(t, c)
	assert.Equal(t, 200, code)
	assert.Contains(t, text, "unpack ok")
}

// Only the client is timed. A git that takes its time, as over a large pack, is not the client's fault.
func TestASlowGitIsNotCutOff(t *testing.T) {
	w, _, dir := pushed(t, git.Options{Patience: time.Second})
	w.hook(t, w.api, "pre-receive", "sleep 2")
	commit(t, dir, "two", 10)
	run(t, dir, "push", "origin", "main")
	assert.Equal(t, strings.TrimSpace(run(t, dir, "rev-parse", "main")), w.head(t, w.api, "main"))
	commit(t, dir, "three", 2<<20) // in chunks
	run(t, dir, "push", "origin", "main")
}

// A connection is used again. What bounded one request must not bound the next.
func TestAConnectionOutlivesItsDeadlines(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{Patience: 300 * time.Millisecond})
	connections := 0
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connections++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}}
	do := func(r *http.Request) int {
		response, err := client.Do(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url("", "acme/api/git-receive-pack"), flush())
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		assert.Equal(t, http.StatusOK, do(r))
		time.Sleep(400 * time.Millisecond)
		r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, w.url("", "acme/api"+refs), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, do(r), "which no deadline is set for")
	}
	assert.Equal(t, 1, connections)
}

// Who takes nothing of a pack keeps no process.
func TestAClientThatDoesNotReadIsLeft(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{Patience: 300 * time.Millisecond, Processes: 1})
	commit(t, dir, "big", 24<<20)
	run(t, dir, "push", "--quiet", w.GitDir(w.api), "main")
	want := "0032want " + w.head(t, w.api, "main") + "\n00000009done\n"
	w.dial(t, post(secret, "acme/api", "git-upload-pack", len(want))+want) // and nothing is read
	require.Eventually(t, func() bool { return len(w.children(t)) > 0 }, 20*time.Second, 5*time.Millisecond)
	w.childless(t, 5*time.Second)
	require.Eventually(t, func() bool { return status(w.get(t, secret, "acme/api"+refs)) == 200 }, 20*time.Second, 50*time.Millisecond)
}

func TestThereAreNoMoreProcessesThanAreAllowed(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{Processes: 2})
	// A question takes a place, too, for a moment: one of the two may find none, and they are sent again.
	var busy []io.Closer
	for range 50 {
		for _, service := range []string{"git-receive-pack", "git-upload-pack"} {
			busy = append(busy, w.dial(t, post(secret, "acme/api", service, 1000)+"00"))
		}
		time.Sleep(100 * time.Millisecond)
		if status(w.get(t, secret, "acme/api"+refs)) == 503 {
			break
		}
		for _, c := range busy {
			require.NoError(t, c.Close())
		}
		busy = nil
	}
	require.NotEmpty(t, busy)
	for _, service := range []string{"git-upload-pack", "git-receive-pack"} {
		response, body := w.send(t, http.MethodPost, secret, "acme/api/"+service, flush(), "Content-Type", "application/x-"+service+"-request")
		assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		assert.Equal(t, "5", response.Header.Get("Retry-After"))
		assert.Equal(t, "Too many requests of git are running: try again in a few seconds.\n", body)
	}
	out, err := try(t, dir, "ls-remote", "origin")
	require.Error(t, err)
	assert.Contains(t, out, "remote: Too many requests of git are running")
	// One who may not is told so, busy or not.
	assert.Equal(t, http.StatusForbidden, status(w.get(t, w.secret(t, w.site.Resource(), hallpass.RepositoryRead), "acme/api"+refs)))
	for _, c := range busy {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool { return status(w.get(t, secret, "acme/api"+refs)) == 200 }, 20*time.Second, 20*time.Millisecond)
}
