package dbtest

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A private server is one of the test's own, whose settings it may change and which it may kill.
type private struct {
	t       *testing.T
	engine  engine
	dsn     string // of a database on it
	command func(settings ...string) *exec.Cmd
	running *exec.Cmd
}

// privates makes a private server for each engine that has servers. Where the programs are not installed the test is skipped, or fails if CI is set.
var privates = map[string]func(t *testing.T) *private{"PostgreSQL": privatePostgres, "MariaDB": privateMariaDB}

func privatePostgres(t *testing.T) *private {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	directory, as := belongingTo(t, "postgres")
	initdb := installed(t, append(found, "")[max(0, len(found)-1)]+"/initdb")
	run(t, as(exec.Command(initdb, "-A", "trust", "-U", "postgres", "-N", "-D", directory+"/data")))
	port := freePort(t)
	p := &private{t: t, engine: postgresEngine, dsn: fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", port)}
	p.command = func(settings ...string) *exec.Cmd {
		args := []string{"-D", directory + "/data", "-p", port, "-h", "127.0.0.1", "-k", directory}
		for _, s := range settings {
			args = append(args, "-c", s)
		}
		return as(exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), args...))
	}
	return p
}

func privateMariaDB(t *testing.T) *private {
	t.Helper()
	directory, as := belongingTo(t, "mysql")
	installer, server := installed(t, "mariadb-install-db"), installed(t, "mariadbd")
	run(t, as(exec.Command(installer, "--no-defaults", "--datadir="+directory+"/data", "--auth-root-authentication-method=normal", "--skip-test-db")))
	port := freePort(t)
	p := &private{t: t, engine: mysqlEngine, dsn: "root@tcp(127.0.0.1:" + port + ")/mysql"}
	p.command = func(settings ...string) *exec.Cmd {
		args := []string{"--no-defaults", "--datadir=" + directory + "/data", "--port=" + port, "--bind-address=127.0.0.1", "--socket=" + directory + "/socket",
			"--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"}
		for _, s := range settings {
			args = append(args, "--"+s)
		}
		return as(exec.Command(server, args...))
	}
	return p
}

// start starts the server and waits until it answers.
func (p *private) start(settings ...string) {
	p.t.Helper()
	p.running = p.command(settings...)
	var out strings.Builder
	p.running.Stdout, p.running.Stderr = &out, &out
	require.NoError(p.t, p.running.Start())
	p.t.Cleanup(p.kill)
	db, err := sql.Open(p.engine.driver, p.dsn)
	require.NoError(p.t, err)
	defer db.Close()
	for begin := time.Now(); db.PingContext(p.t.Context()) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			p.kill()
			require.Fail(p.t, "the server does not start", out.String())
		}
	}
}

// kill kills the server, as the kernel would.
func (p *private) kill() { p.end(syscall.SIGKILL) }

// stop stops the server, as an administrator would.
func (p *private) stop() {
	if p.engine.name == "PostgreSQL" {
		p.end(syscall.SIGINT)
	} else {
		p.end(syscall.SIGTERM)
	}
}

func (p *private) end(signal syscall.Signal) {
	if p.running == nil {
		return
	}
	_ = p.running.Process.Signal(signal)
	_ = p.running.Wait()
	p.running = nil
}

// installed returns the path of a program.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	text := fmt.Sprintf("no server can be started (%v); install PostgreSQL and MariaDB", err)
	if os.Getenv("CI") != "" {
		t.Fatal(text)
	}
	t.Skip(text)
	return ""
}

// belongingTo returns a directory of a user's, and what makes a command run as that user. Servers refuse to run as root; anybody else
// runs them as himself.
func belongingTo(t *testing.T, name string) (directory string, as func(*exec.Cmd) *exec.Cmd) {
	t.Helper()
	directory, err := os.MkdirTemp("", "hallpass")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	// A server that starts deletes temporary files, of another one too if they share the directory for these.
	own := func(c *exec.Cmd) *exec.Cmd {
		c.Dir, c.Env = directory, append(os.Environ(), "TMPDIR="+directory)
		return c
	}
	if os.Getuid() != 0 {
		return directory, own
	}
	u, err := user.Lookup(name)
	if err != nil {
		installed(t, name)
	}
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	gid, err := strconv.Atoi(u.Gid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(directory, uid, gid))
	return directory, func(c *exec.Cmd) *exec.Cmd {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return own(c)
	}
}

func run(t *testing.T, c *exec.Cmd) {
	t.Helper()
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%v: %s", slices.Concat(c.Args), out)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}
