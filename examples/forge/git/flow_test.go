package git_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/git"
)

// pushed returns a world whose api has a commit on main, the secret of a token that may push there, and the copy that it came from.
func pushed(t *testing.T, o git.Options) (*world, string, string) {
	t.Helper()
	w := open(t, o)
	secret := w.secret(t, w.api.Resource(), hallpass.RepositoryWrite)
	dir := work(t)
	commit(t, dir, "one", 100)
	run(t, dir, "remote", "add", "origin", w.as(secret, "acme/api.git"))
	run(t, dir, "push", "origin", "main")
	require.Equal(t, strings.TrimSpace(run(t, dir, "rev-parse", "main")), w.head(t, w.api, "main"))
	return w, secret, dir
}

func TestGitClonesFetchesAndPushes(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	reader := w.secret(t, w.api.Resource(), hallpass.RepositoryRead)
	for _, version := range []string{"0", "1", "2"} {
		t.Run("in version "+version, func(t *testing.T) {
			clone := t.TempDir()
			run(t, clone, "-c", "protocol.version="+version, "clone", w.as(reader, "acme/api.git"), ".")
			commit(t, dir, "more"+version, 100)
			run(t, dir, "-c", "protocol.version="+version, "push", "origin", "main")
			run(t, clone, "-c", "protocol.version="+version, "pull", "--ff-only")
			assert.FileExists(t, filepath.Join(clone, "more"+version))
			shallow := t.TempDir()
			run(t, shallow, "-c", "protocol.version="+version, "clone", "--depth", "1", w.as(reader, "acme/api"), ".")
			assert.Equal(t, "1\n", run(t, shallow, "rev-list", "--count", "HEAD"))
		})
	}
	assert.NotContains(t, w.log.String(), secret)
	assert.NotContains(t, w.log.String(), reader)
}

// What is over http.postBuffer is sent in chunks, whose length nobody knows before.
func TestGitPushesMoreThanItsBuffer(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	commit(t, dir, "big", 5<<20)
	run(t, dir, "push", "origin", "main")
	assert.Equal(t, strings.TrimSpace(run(t, dir, "rev-parse", "main")), w.head(t, w.api, "main"))
	clone := t.TempDir()
	run(t, clone, "clone", w.as(w.secret(t, w.acme.Resource(), hallpass.RepositoryRead), "acme/api"), ".")
	size, err := os.Stat(filepath.Join(clone, "big"))
	require.NoError(t, err)
	assert.EqualValues(t, 5<<20, size.Size())
}

// What a client wants and has is packed by git once it is over 1024 bytes.
func TestGitPushesAndFetchesManyTags(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	clone := t.TempDir()
	run(t, clone, "clone", "--quiet", w.as(secret, "acme/api"), ".")
	for i := range 60 {
		run(t, dir, "commit", "--quiet", "--allow-empty", "-m", fmt.Sprint(i))
		run(t, dir, "tag", fmt.Sprintf("v%d", i))
	}
	run(t, dir, "push", "origin", "--tags")
	assert.Len(t, strings.Fields(run(t, w.GitDir(w.api), "tag")), 60)
	for i := range 40 {
		run(t, clone, "commit", "--quiet", "--allow-empty", "-m", fmt.Sprint("own", i))
	}
	for _, version := range []string{"0", "2"} {
		run(t, clone, "-c", "protocol.version="+version, "fetch", "--tags", "--force")
		assert.Len(t, strings.Fields(run(t, clone, "tag")), 60)
		run(t, clone, "tag", "-d", "v59")
	}
}

func TestATokenComesInAllWaysThatGitHas(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	run(t, t.TempDir(), "ls-remote", w.as(secret, "acme/api.git"))
	run(t, t.TempDir(), "-c", "http.extraHeader=Authorization: Bearer "+secret, "ls-remote", w.url("", "acme/api.git"))
	helper := command(t, t.TempDir(), "-c", `credential.helper=!f() { echo username=x-token-auth; echo "password=$TOKEN"; }; f`, "ls-remote", w.url("", "acme/api.git"))
	helper.Env = append(helper.Env, "TOKEN="+secret)
	out, err := helper.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "refs/heads/main")
}

// A client speaks version 2 if the header says so and is one. Anything odd in it is not for the environment of a process.
func TestOnlyAWellFormedVersionIsPassedOn(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	for version, isTwo := range map[string]bool{"": false, "version=2": true, "version=2;": false, "version=2:" + strings.Repeat("x", 64): false, "version=2:A": false} {
		response, body := w.send(t, http.MethodGet, secret, "acme/api/info/refs?service=git-upload-pack", nil, "Git-Protocol", version)
		assert.Equal(t, http.StatusOK, response.StatusCode, version)
		assert.Equal(t, isTwo, strings.Contains(body, "version 2"), version)
	}
}

func TestNoAnswerOfGitIsStored(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		response, body := w.send(t, method, secret, "acme/api/info/refs?service=git-receive-pack", nil)
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		assert.Equal(t, method == http.MethodHead, body == "")
	}
	response, _ := w.get(t, secret, "acme/api/info/refs")
	assert.Equal(t, http.StatusBadRequest, response.StatusCode)
	assert.Equal(t, []string{"no-store"}, response.Header.Values("Cache-Control"))
	assert.Equal(t, "text/plain; charset=utf-8", response.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
}
