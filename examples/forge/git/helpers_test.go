package git_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/git"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A world is a forge with two workspaces, which have a project and a repository of the same names.
type world struct {
	*host.Host
	dir       string
	mux       *bearer.Mux
	server    *httptest.Server
	log       *buffer
	asAdmin   context.Context
	acme      host.Workspace
	core, web host.Project // of acme
	api, site host.Repository
	globex    host.Workspace
	theirs    host.Repository // api of globex
}

func open(t *testing.T, o git.Options) *world {
	t.Helper()
	tool(t, "git")
	ctx := t.Context()
	w := &world{dir: t.TempDir(), log: &buffer{}}
	var err error
	w.Host, err = host.Open(ctx, w.dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	admin, err := w.SetPassword(ctx, "admin", "Administrator", "correct horse battery staple")
	require.NoError(t, err)
	w.asAdmin = host.WithPerson(ctx, admin)
	workspace := func(slug string) (host.Workspace, host.Project, host.Repository) {
		s, err := w.AddWorkspace(ctx, slug, slug, "premium")
		require.NoError(t, err)
		require.NoError(t, w.Appoint(ctx, admin, s.Resource()))
		p, err := w.AddProject(ctx, s, "CORE", "Core")
		require.NoError(t, err)
		r, err := w.AddRepository(ctx, p, "api", "")
		require.NoError(t, err)
		return s, p, r
	}
	w.acme, w.core, w.api = workspace("acme")
	w.globex, _, w.theirs = workspace("globex")
	w.web, err = w.AddProject(ctx, w.acme, "WEB", "Web")
	require.NoError(t, err)
	w.site, err = w.AddRepository(ctx, w.web, "site", "")
	require.NoError(t, err)

	w.mux = &bearer.Mux{Gate: &bearer.Gate{Authority: w.Passes, Realm: "forge"}}
	o.Log = slog.New(slog.NewTextHandler(w.log, nil))
	require.NoError(t, git.Routes(w.mux, w.Host, o))
	w.server = httptest.NewServer(w.mux)
	t.Cleanup(w.server.Close)
	return w
}

// issue makes a token.
func (w *world) issue(t *testing.T, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, string) {
	t.Helper()
	token, secret, err := w.Passes.Issue(w.asAdmin, hallpass.Grant{Name: "job", CreatedBy: "test", Resource: r.Identity(), Permissions: permissions})
	require.NoError(t, err)
	return token, secret.Reveal()
}

func (w *world) secret(t *testing.T, r hallpass.Resource, permissions ...hallpass.Permission) string {
	t.Helper()
	_, secret := w.issue(t, r, permissions...)
	return secret
}

// url returns the URL of a path below /git, with a user and password if there are any.
func (w *world) url(user, path string) string {
	if user != "" {
		user += "@"
	}
	return strings.Replace(w.server.URL, "://", "://"+user, 1) + "/git/" + path
}

// as returns the URL of a path for a token.
func (w *world) as(secret, path string) string { return w.url("x-token-auth:"+secret, path) }

// get returns the status, head and body of what a token gets.
func (w *world) get(t *testing.T, secret, path string) (*http.Response, string) {
	t.Helper()
	return w.send(t, http.MethodGet, secret, path, nil)
}

func (w *world) send(t *testing.T, method, secret, path string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.url("", path), body)
	require.NoError(t, err)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(text)
}

// dial opens a connection and sends this much of a request.
func (w *world) dial(t *testing.T, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(c, text)
	require.NoError(t, err)
	return c
}

// raw sends a request as it is written, and returns the status and body of the answer.
func (w *world) raw(t *testing.T, text string) (int, string) {
	t.Helper()
	return answer(t, w.dial(t, text))
}

func answer(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// post is the head of a request for raw, with a body of n bytes to follow.
func post(secret, path, service string, n int) string {
	return fmt.Sprintf("POST /git/%s/%s HTTP/1.1\r\nHost: forge\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-%s-request\r\nContent-Length: %d\r\n\r\n",
		path, service, secret, service, n)
}

// work returns an empty working copy with one branch, main.
func work(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "init", "--quiet", "--initial-branch=main")
	return dir
}

// commit adds a commit with a file that nothing makes smaller.
func commit(t *testing.T, dir, name string, size int) {
	t.Helper()
	content := make([]byte, size)
	rand.Read(content)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	run(t, dir, "add", ".")
	run(t, dir, "commit", "--quiet", "-m", name)
}

// run runs git, which has to succeed, and returns what it says.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := try(t, dir, args...)
	require.NoError(t, err, out)
	return out
}

func try(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	out, err := command(t, dir, args...).CombinedOutput()
	return string(out), err
}

// command is a git that knows nothing of the machine it runs on.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), "git", args...)
	c.Dir = dir
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "NO_PROXY=*", "no_proxy=*",
		"GIT_AUTHOR_NAME=job", "GIT_AUTHOR_EMAIL=job@example.com", "GIT_COMMITTER_NAME=job", "GIT_COMMITTER_EMAIL=job@example.com"}
	return c
}

// head returns the commit that a branch of a repository of the forge is at, or "".
func (w *world) head(t *testing.T, r host.Repository, ref string) string {
	t.Helper()
	out, err := try(t, w.GitDir(r), "rev-parse", "--verify", "--quiet", ref)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

// children returns the processes that serve this world. Each has its root in the environment.
func (w *world) children(t *testing.T) (pids []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked for in /proc: run this test on Linux")
	}
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range all {
		if env, err := os.ReadFile(file); err == nil && bytes.Contains(env, []byte("GIT_PROJECT_ROOT="+w.GitRoot())) {
			pids = append(pids, strings.Split(file, "/")[2])
		}
	}
	return pids
}

// childless waits until no process serves this world.
func (w *world) childless(t *testing.T, within time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool { return len(w.children(t)) == 0 }, 4*within, 20*time.Millisecond, "a process is left")
}

// hook makes a hook of a repository.
func (w *world) hook(t *testing.T, r host.Repository, name, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.GitDir(r), "hooks", name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
}

// tool finds a program, or ends the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("there is no %s here; install it to run this test", name)
	}
	require.NoError(t, err)
	return path
}

// A buffer takes a log from several goroutines.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
