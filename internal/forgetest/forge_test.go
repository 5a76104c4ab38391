package forgetest

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A forge is the real binary, filled with its demo.
type forge struct {
	t                    *testing.T
	url, login, password string
	repositoryToken      string
	chromium             string // the path of the browser
}

// start builds the forge and runs it until the test ends.
func start(t *testing.T) *forge {
	t.Helper()
	f := &forge{t: t, chromium: chromium(t)}
	binary := filepath.Join(t.TempDir(), "forge")
	build := exec.Command("go", "build", "-o", binary, "./forge")
	build.Dir, build.Env = filepath.Join("..", "..", "examples"), append(os.Environ(), "GOWORK=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	serve := exec.Command(binary, "-demo", "-addr", "127.0.0.1:0", "-data", t.TempDir())
	serve.Stderr = os.Stderr
	stdout, err := serve.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, serve.Start())
	t.Cleanup(func() {
		assert.NoError(t, serve.Process.Signal(os.Interrupt))
		assert.NoError(t, serve.Wait())
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case "URL":
			f.url = value
		case "LOGIN":
			f.login = value
		case "PASSWORD":
			f.password = value
		case "REPOSITORY_TOKEN":
			f.repositoryToken = value
		case "WORKSPACE_TOKEN": // the last line
			return f
		}
	}
	require.Fail(t, "the forge did not say where it is", "%v", lines.Err())
	return nil
}

// status returns what the API answers to a token.
func (f *forge) status(secret string) int {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+"/2.0/repositories/acme/api", nil)
	require.NoError(f.t, err)
	r.Header.Set("Authorization", "Bearer "+secret)
	response, err := http.DefaultClient.Do(r)
	require.NoError(f.t, err)
	require.NoError(f.t, response.Body.Close())
	return response.StatusCode
}
