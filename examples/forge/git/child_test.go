package git_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/git"
)

// A hook sees all that git was told, and is often not of the same hands.
func TestNoProcessSeesTheToken(t *testing.T) {
	t.Setenv("FORGE_PRIVATE", "a secret of the host")
	w, _, dir := pushed(t, git.Options{})
	token, secret := w.issue(t, w.api.Resource(), hallpass.RepositoryWrite)
	file := filepath.Join(t.TempDir(), "env")
	w.hook(t, w.api, "pre-receive", "{ env; tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' ' ' </proc/$PPID/cmdline; } >"+file)
	commit(t, dir, "two", 10)
	run(t, dir, "-c", "http.extraHeader=X-Private: of the client", "-c", "http.extraHeader=Cookie: session=of the client", "push", w.as(secret, "acme/api.git"), "main")
	env, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(env), "REMOTE_USER="+string(token.ID)+"\n")
	assert.Contains(t, string(env), "PATH_INFO=/"+w.api.ID+".git/git-receive-pack\n")
	assert.NotContains(t, string(env), secret)
	assert.NotContains(t, string(env), secret[len(secret)-41:], "the secret without its ID")
	for _, word := range []string{"Basic", "AUTHORIZATION", "\nHTTP_", "of the client", "FORGE_PRIVATE", "x-token-auth", "CONTENT_LENGTH"} {
		assert.NotContains(t, string(env), word)
	}
	assert.Contains(t, string(env), "HOME="+os.DevNull+"\n")
	assert.Contains(t, string(env), "GIT_CONFIG_NOSYSTEM=1\n")
}

// A push whose client goes away ends at once, with all that it started.
func TestNoProcessOutlivesItsClient(t *testing.T) {
	w, secret, body := recorded(t, git.Options{Processes: 1})
	started := filepath.Join(t.TempDir(), "started")
	w.hook(t, w.site, "pre-receive", "touch "+started+"; sleep 60; true")
	c := w.dial(t, post(secret, "acme/site", "git-receive-pack", len(body)))
	_, err := c.Write(body)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(started); return err == nil }, 20*time.Second, 10*time.Millisecond)
	require.Greater(t, len(w.children(t)), 3, "git, git, git and sleep")
	require.Equal(t, http.StatusServiceUnavailable, status(w.get(t, secret, "acme/site"+refs)))
	require.NoError(t, c.Close())
	w.childless(t, 2*time.Second)
	require.Eventually(t, func() bool { return status(w.get(t, secret, "acme/site"+refs)) == 200 }, 20*time.Second, 20*time.Millisecond)
	assert.Empty(t, w.head(t, w.site, "main"))

	w.hook(t, w.site, "pre-receive", "")
	code, text := w.raw(t, post(secret, "acme/site", "git-receive-pack", len(body))+string(body))
	assert.Equal(t, 200, code)
	assert.Contains(t, text, "unpack ok", "there is no lock left")
	assert.Equal(t, w.head(t, w.api, "main"), w.head(t, w.site, "main"))
}

// A git that does not listen, and what it has started, keep nobody's slot. This one is none.
func TestAGitThatDoesNotEndIsKilled(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte("#!/bin/sh\ntrap '' TERM\nprintf 'Content-Type: x\\r\\n\\r\\nhello'\nsleep 30 &\nwait\n"), 0o700))
	w, secret, _ := pushed(t, git.Options{})
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	mux := &bearer.Mux{Gate: w.mux.Gate}
	require.NoError(t, git.Routes(mux, w.Host, git.Options{Processes: 1}))
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	c := w.dial(t, "GET /git/acme/api"+refs+" HTTP/1.1\r\nHost: forge\r\nAuthorization: Bearer "+secret+"\r\n\r\n")
	_, err := io.ReadFull(c, make([]byte, 10))
	require.NoError(t, err)
	unpackable := func() int {
		return status(w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", strings.NewReader("no gzip"), zippedFetch...))
	}
	require.Equal(t, http.StatusServiceUnavailable, unpackable())
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return unpackable() == http.StatusBadRequest }, 20*time.Second, 100*time.Millisecond, "there is a slot again")
}

// Git tidies up after a push, which would else go on behind the back of whoever counts processes.
func TestNothingGoesOnAfterAPush(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	run(t, w.GitDir(w.api), "config", "gc.auto", "1")
	run(t, w.GitDir(w.api), "config", "receive.unpackLimit", "10000")
	for i := range 700 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, strings.Repeat("f", i/100+1)+string(rune('A'+i%100))), []byte{byte(i), byte(i >> 8)}, 0o600))
	}
	run(t, dir, "add", ".")
	run(t, dir, "commit", "--quiet", "-m", "many")
	run(t, dir, "push", "origin", "main")
	assert.Empty(t, w.children(t))
	assert.Contains(t, run(t, w.GitDir(w.api), "count-objects", "-v"), "packs: 1\n", "it was tidied up")
}

// Git may warn of an object while the pack still comes in. What comes after that is part of the push.
func TestGitMaySpeakBeforeThePushIsComplete(t *testing.T) {
	w, secret, body := recorded(t, git.Options{})
	run(t, w.GitDir(w.site), "config", "receive.fsckObjects", "true")
	run(t, w.GitDir(w.site), "config", "receive.unpackLimit", "1") // so that each object is looked at when it comes
	c := w.dial(t, post(secret, "acme/site", "git-receive-pack", len(body)))
	_, err := c.Write(body[:len(body)/2])
	require.NoError(t, err)
	time.Sleep(time.Second)
	for piece := range slices.Chunk(body[len(body)/2:], 4<<10) { // any of which may be what is dropped
		time.Sleep(5 * time.Millisecond)
		_, err = c.Write(piece)
		require.NoError(t, err)
	}
	code, text := answer(t, c)
	assert.Equal(t, 200, code)
	assert.Contains(t, text, "missingTaggerEntry", "or else this test proves nothing")
	assert.Contains(t, text, "unpack ok")
	assert.Equal(t, w.head(t, w.api, "main"), w.head(t, w.site, "main"))
}

// What git says meanwhile is held in memory.
func TestGitMayNotSpeakForeverBeforeThePushIsComplete(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{Patience: 10 * time.Second})
	run(t, w.GitDir(w.api), "config", "receive.fsckObjects", "true")
	run(t, w.GitDir(w.api), "config", "receive.unpackLimit", "1")
	id := w.head(t, w.api, "main")
	var body bytes.Buffer
	line := strings.Repeat("0", 40) + " " + id + " refs/heads/odd\x00report-status side-band-64k"
	fmt.Fprintf(&body, "%04x%s0000PACK\x00\x00\x00\x02\x00\x01\x00\x00", len(line)+4, line)
	z := zlib.NewWriter(&body)
	for i := range 13000 { // of 65536 tags by nobody
		tag := fmt.Sprintf("object %s\ntype commit\ntag odd%05d\n\n", id, i)
		body.Write([]byte{0x80 | 4<<4 | byte(len(tag)&15), byte(len(tag) >> 4)}) // its type and size
		z.Reset(&body)
		_, err := io.WriteString(z, tag)
		require.NoError(t, err)
		require.NoError(t, z.Close())
	}
	c := w.dial(t, post(secret, "acme/api", "git-receive-pack", 10<<20))
	_, err := c.Write(body.Bytes())
	require.NoError(t, err)
	code, text := answer(t, c)
	assert.Equal(t, 500, code)
	assert.Equal(t, "The repository could not be served.\n", text)
	assert.Contains(t, w.log.String(), "git says too much")
	w.childless(t, 3*time.Second)
}

// recorded returns the body of a push that makes main and a tag in an empty repository: no more than a server would drop, which is
// 256 KiB. It was pushed to api, and can be to site. Git accepts a tag by nobody and warns of it.
func recorded(t *testing.T, o git.Options) (w *world, secret string, body []byte) {
	t.Helper()
	w = open(t, o)
	recorder := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(text))
		if strings.HasSuffix(r.URL.Path, "git-receive-pack") {
			body = text
		}
		w.mux.ServeHTTP(out, r)
	}))
	t.Cleanup(recorder.Close)
	secret = w.secret(t, w.acme.Resource(), hallpass.RepositoryWrite)
	dir := work(t)
	for i := range 20 {
		commit(t, dir, string(rune('a'+i)), 8<<10)
	}
	odd := command(t, dir, "fast-import", "--quiet")
	odd.Stdin = strings.NewReader("tag odd\nfrom refs/heads/main\ndata 0\n\n")
	out, err := odd.CombinedOutput()
	require.NoError(t, err, string(out))
	url := strings.Replace(w.as(secret, "acme/api"), w.server.Listener.Addr().String(), recorder.Listener.Addr().String(), 1)
	run(t, dir, "-c", "http.postBuffer=10485760", "push", "--quiet", "--tags", url, "main")
	require.Less(t, len(body), 256<<10)
	return w, secret, body
}

// What git cannot serve is a failure, of which the log has the reason.
func TestWhatGitCannotServeIsLogged(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	require.NoError(t, os.Rename(w.GitDir(w.api), w.GitDir(w.api)+".away"))
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		path := map[string]string{http.MethodGet: refs, http.MethodPost: "/git-upload-pack"}[method]
		response, body := w.send(t, method, secret, "acme/api"+path, flush(), "Content-Type", "application/x-git-upload-pack-request")
		assert.Equal(t, http.StatusInternalServerError, response.StatusCode)
		assert.Equal(t, "The repository could not be served.\n", body)
	}
	assert.Contains(t, w.log.String(), "level=WARN msg=\"git complains\" repository="+w.api.ID)
	assert.Contains(t, w.log.String(), "404 Not Found")
	assert.NotContains(t, w.log.String(), secret)

	w.log.text.Reset()
	_, _ = w.send(t, http.MethodPost, w.secret(t, w.site.Resource(), hallpass.RepositoryWrite), "acme/site/git-receive-pack", strings.NewReader("zzzz"), "Content-Type", "application/x-git-receive-pack-request")
	assert.Contains(t, w.log.String(), "bad line length", "what git wrote to stderr")
}

// A hook that talks a lot fills no log.
func TestTheLogHasTheBeginningOfAComplaint(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	w.hook(t, w.api, "pre-receive", "head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1")
	line := w.head(t, w.api, "main") + " " + strings.Repeat("0", 40) + " refs/heads/main\x00report-status"
	body := fmt.Sprintf("%04x%s0000", len(line)+4, line) // without a band for what hooks say
	response, _ := w.send(t, http.MethodPost, secret, "acme/api/git-receive-pack", strings.NewReader(body), "Content-Type", "application/x-git-receive-pack-request")
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Contains(t, w.log.String(), "xxxxx")
	assert.Less(t, len(w.log.String()), 6000)
}

func TestThereIsNoServiceWithoutGit(t *testing.T) {
	w := open(t, git.Options{})
	t.Setenv("PATH", t.TempDir())
	assert.ErrorContains(t, git.Routes(w.mux, w.Host, git.Options{}), "git over HTTP needs git")
}
