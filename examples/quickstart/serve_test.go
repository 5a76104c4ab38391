package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command is a line that -serve prints, and the status that it promises.
type command struct{ status, line string }

// A process is quickstart -serve as users run it.
type process struct {
	*exec.Cmd
	commands []command
	log      bytes.Buffer
}

// startServe runs the binary until it says that it is up.
func startServe(t *testing.T, binary, file string) *process {
	p := &process{Cmd: exec.CommandContext(t.Context(), binary, "-serve", "-db", file)}
	p.Stderr = &p.log
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())

	promise := regexp.MustCompile(`^# (\d{3}): `)
	status, up := "", false
	for lines := bufio.NewScanner(out); !up && lines.Scan(); {
		line := lines.Text()
		if m := promise.FindStringSubmatch(line); m != nil {
			status = m[1]
		}
		if strings.HasPrefix(line, "curl ") {
			p.commands = append(p.commands, command{status, line})
			status = ""
		}
		up = strings.Contains(line, "Press Ctrl-C")
	}
	require.True(t, up)
	return p
}

func (p *process) stop(t *testing.T, signal os.Signal) {
	require.NoError(t, p.Process.Signal(signal))
	require.NoError(t, p.Wait(), "a graceful end has status 0: %s", &p.log)
}

func TestTheCommandsThatServePrintsDoWhatTheyPromise(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh, and no interrupt to send")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have curl")
		t.Skip("there is no curl")
	}
	dir := t.TempDir()
	binary, file := filepath.Join(dir, "quickstart"), filepath.Join(dir, "forge.db")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))

	// curl runs a command as it is printed, but for where its output goes.
	curl := func(c command) {
		t.Helper()
		sh := exec.CommandContext(t.Context(), "sh", "-c", c.line+` -s -o /dev/null -w "%{http_code}"`)
		sh.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*")
		got, err := sh.Output()
		assert.NoError(t, err, c.line)
		assert.Equal(t, c.status, string(got), c.line)
	}

	first := startServe(t, binary, file)
	require.GreaterOrEqual(t, len(first.commands), 8)
	statuses := map[string]bool{}
	for _, c := range first.commands {
		statuses[c.status] = true
		curl(c)
	}
	assert.Equal(t, map[string]bool{"200": true, "201": true, "401": true, "403": true}, statuses)
	first.stop(t, os.Interrupt)
	assert.Contains(t, first.log.String(), "event.kind=denied")
	secret := regexp.MustCompile(`hp_[0-9A-Za-z]{61}`)
	assert.NotRegexp(t, secret, first.log.String(), "tokens are for the terminal, not for the log")

	// The database and its key were kept, so the tokens of the first start are good on the second.
	second := startServe(t, binary, file)
	require.Len(t, second.commands, len(first.commands))
	for i, c := range second.commands {
		curl(c)
		before := secret.FindString(first.commands[i].line)
		assert.Equal(t, before == "", secret.FindString(c.line) == before, "each start has its own tokens")
		curl(command{c.status, secret.ReplaceAllString(c.line, before)})
	}
	second.stop(t, syscall.SIGTERM)

	// Without its key it is refused, and gets no other one.
	require.NoError(t, os.Remove(file+".key"))
	var log bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"-serve", "-db", file}, &log, &log, ciJob))
	assert.Regexp(t, `^quickstart: the key of the database: [^\n]+\n$`, log.String())
	assert.NoFileExists(t, file+".key")
}
