package bearer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/memstore"
)

// A real git sends its token when it is asked for Basic, and shows its user the sentence.
func TestGitSendsItsTokenAndShowsTheAnswer(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no git here; install it to run this test")
	}
	require.NoError(t, err)
	a := authorityOn(t, memstore.New(), nil)
	_, text := issue(t, a)
	var presented notes
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		presented.add(r.Header.Get("Authorization"))
		secret, err := bearer.FromRequest(r)
		if err == nil {
			permission := hallpass.RepositoryRead
			if strings.Contains(r.URL.Path, "/locked/") {
				permission = hallpass.RepositoryWrite
			}
			_, err = a.Authorize(r.Context(), secret, hallpass.Repository("acme", "api"), permission)
		}
		if err != nil {
			bearer.WriteError(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		io.WriteString(w, "001e# service=git-upload-pack\n0000"+"00000000")
	}))
	t.Cleanup(server.Close)
	lsRemote := func(user, path string) string {
		presented.take()
		command := exec.CommandContext(t.Context(), git, "-c", "credential.helper=", "ls-remote", strings.Replace(server.URL, "://", "://"+user+"@", 1)+path)
		command.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_CONFIG_NOSYSTEM=1",
			"HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "NO_PROXY=*", "no_proxy=*", "LC_ALL=C")
		out, _ := command.CombinedOutput()
		return string(out)
	}

	out := lsRemote("x-token-auth:"+text, "/acme/api.git")
	requests := presented.take()
	require.GreaterOrEqual(t, len(requests), 2, out)
	assert.Empty(t, requests[0], "its first request carries nothing")
	assert.Equal(t, basic("x-token-auth", text), requests[1])
	assert.NotContains(t, out, "remote:")

	assert.Contains(t, lsRemote("x-token-auth:"+text, "/locked/api.git"), "remote: "+message403Lacks+"\nremote: It needs: repository:write")
	assert.Contains(t, lsRemote("someone:"+text, "/acme/api.git"), "remote: "+message401)
}
