package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A demo is a forge that runs as the command does, and what it printed.
type demo struct {
	t     *testing.T
	lines map[string]string
}

// start runs the command until the end of the test.
func start(t *testing.T, args ...string) *demo {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"-demo"}, args...), in) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	d := &demo{t, map[string]string{}}
	lines := bufio.NewScanner(out)
	for len(d.lines) < 7 && lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		require.True(t, ok, lines.Text())
		d.lines[name] = value
	}
	require.Len(t, d.lines, 7)
	return d
}

// tool runs a program of the machine, with nothing of its configuration, and returns what it printed.
func (d *demo) tool(dir, name string, args ...string) (string, error) {
	d.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "true" {
		d.t.Skipf("there is no %s here; install it to run this test", name)
	}
	require.NoError(d.t, err)
	cmd := exec.CommandContext(d.t.Context(), path, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=job", "GIT_AUTHOR_EMAIL=job@forge.invalid", "GIT_COMMITTER_NAME=job", "GIT_COMMITTER_EMAIL=job@forge.invalid"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// git runs git with a token, as a job does.
func (d *demo) git(dir, token string, args ...string) (string, error) {
	d.t.Helper()
	return d.tool(dir, "git", append([]string{"-c", "credential.helper=", "-c", "http.extraHeader=Authorization: Bearer " + token}, args...)...)
}

// curl returns the status and the body of an answer.
func (d *demo) curl(path string, args ...string) (status, body string) {
	d.t.Helper()
	out, err := d.tool("", "curl", append([]string{"--silent", "--path-as-is", "--write-out", "\n%{http_code}", d.lines["URL"] + path}, args...)...)
	require.NoError(d.t, err, out)
	i := strings.LastIndex(out, "\n")
	return out[i+1:], out[:i]
}

func bearerOf(token string) string { return "Authorization: Bearer " + token }

func TestTheDemoIsClonedFromPushedToAndCalled(t *testing.T) {
	d := start(t, "-data", t.TempDir())
	dir := t.TempDir()
	repository, project, workspace := d.lines["REPOSITORY_TOKEN"], d.lines["PROJECT_TOKEN"], d.lines["WORKSPACE_TOKEN"]

	out, err := d.git(dir, repository, "clone", d.lines["CLONE_URL"])
	require.NoError(t, err, out)
	work := filepath.Join(dir, "api")
	assert.FileExists(t, filepath.Join(work, "README.md"))
	large := make([]byte, 5<<20)
	rand.Read(large)
	require.NoError(t, os.WriteFile(filepath.Join(work, "large"), large, 0o600))
	for _, args := range [][]string{{"add", "large"}, {"commit", "--quiet", "-m", "Add 5 MiB"}, {"tag", "v1"}, {"push", "origin", "main", "v1"}} {
		out, err := d.git(work, repository, args...)
		require.NoError(t, err, out)
	}
	_, body := d.curl("/2.0/repositories/acme/api/commits", "-H", bearerOf(project))
	assert.Contains(t, body, "Add 5 MiB")

	// Each kind of token reaches what it is bound to, and says so where it does not.
	for _, row := range []struct{ token, path, status, says string }{
		{repository, "/2.0/repositories/acme/api", "200", `"slug":"api"`},
		{repository, "/2.0/repositories/acme/worker", "403", "does not reach this resource"},
		{project, "/2.0/repositories/acme/worker", "200", `"slug":"worker"`},
		{project, "/2.0/repositories/acme/site", "403", "does not reach this resource"},
		{workspace, "/2.0/repositories/acme/site", "200", `"slug":"site"`},
		{workspace, "/2.0/repositories/acme/nothing", "404", "There is no such resource"},
		{workspace, "/2.0/repositories/globex/api", "403", "does not reach this resource"},
		{repository, "/2.0/repositories/acme/api/hooks", "403", `"required":["webhook"]`},
		{repository[1:], "/2.0/repositories/acme/api", "401", "A valid access token is required"},
	} {
		status, body := d.curl(row.path, "-H", bearerOf(row.token))
		assert.Equal(t, row.status, status, row.path)
		assert.Contains(t, body, row.says, row.path)
	}
	status, _ := d.curl("/2.0/repositories/acme/api", "-H", bearerOf(repository), "-H", bearerOf(repository))
	assert.Equal(t, "401", status, "two headers")
	status, _ = d.curl("/2.0/repositories/acme/api", "--user", "x-token-auth:"+repository)
	assert.Equal(t, "200", status, "Basic")
	status, _ = d.curl("/2.0/repositories/acme/api", "--user", "admin:"+d.lines["PASSWORD"])
	assert.Equal(t, "401", status, "a password is no token")
	status, body = d.curl("/git/acme/worker.git/info/refs?service=git-upload-pack", "-H", bearerOf(repository))
	assert.Equal(t, "403", status)
	assert.Equal(t, "The access token does not reach this resource.\n", body, "git shows its user a sentence")

	// People have a door of their own, which no token opens.
	status, _ = d.curl("/settings/acme/tokens", "-H", bearerOf(workspace))
	assert.Equal(t, "303", status)
	status, body = d.curl("/login")
	assert.Equal(t, "200", status)
	assert.Contains(t, body, "<form")
}

func TestTheDemoStartsAgainOnItsFolder(t *testing.T) {
	dir := t.TempDir()
	var first *demo
	t.Run("first", func(t *testing.T) { first = start(t, "-data", dir) })
	again := start(t, "-data", dir)
	assert.NotEqual(t, first.lines["PASSWORD"], again.lines["PASSWORD"])
	call := func(token string) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", again.lines["URL"]+"/2.0/user", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	assert.Equal(t, http.StatusUnauthorized, call(first.lines["PROJECT_TOKEN"]), "the tokens of the first start ended")
	assert.Equal(t, http.StatusOK, call(again.lines["PROJECT_TOKEN"]))
}

func TestABadFlagOrFolderIsToldInWords(t *testing.T) {
	assert.ErrorContains(t, run(t.Context(), []string{"serve"}, io.Discard), `"serve" is no flag`)
	assert.ErrorContains(t, run(t.Context(), []string{"-addr", "nowhere", "-data", t.TempDir()}, io.Discard), "nowhere")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), []byte("secret stuff"), 0o600))
	err := run(t.Context(), []string{"-data", dir}, io.Discard)
	assert.ErrorContains(t, err, "no line of hexadecimal digits")
	assert.NotContains(t, err.Error(), "secret stuff")
}

func TestTheForgeStopsWhenItIsTold(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out bytes.Buffer
	assert.NoError(t, run(ctx, []string{"-data", t.TempDir()}, &out))
	assert.True(t, strings.HasPrefix(out.String(), "URL=http://127.0.0.1:"), out.String())
}
