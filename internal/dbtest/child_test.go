package dbtest

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A part is what a child process plays: this test binary again, with the part in its environment. Children share nothing with the test but
// the database and two pipes.
type part struct {
	Role          string
	Driver, DSN   string
	Dialect       sqlstore.Dialect
	Key           []byte
	OldKey        []byte      // which records may still be under
	After         hallpass.ID // of a sweeper
	Seed          uint64
	Workspace     string // for its tokens
	Flaw          string // what is wrong with it, as a control
	MaxGoroutines int
}

const partVariable = "HALLPASS_TEST_PART"

func TestMain(m *testing.M) {
	text := os.Getenv(partVariable)
	if text == "" {
		flag.Parse()
		if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
			_ = f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))) // these tests wait for disks and servers
		}
		os.Exit(m.Run())
	}
	if err := play(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A player is what a child process has.
type player struct {
	part
	store *sqlstore.Store
	keys  hallpass.Keys
	mu    sync.Mutex
}

func play(text string) error {
	p := &player{}
	if err := json.Unmarshal([]byte(text), &p.part); err != nil {
		return err
	}
	db, err := sql.Open(p.Driver, p.DSN)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxIdleConns(p.MaxGoroutines)
	if p.store, err = sqlstore.New(db, p.Dialect); err != nil {
		return err
	}
	var others [][]byte
	if p.OldKey != nil {
		others = append(others, p.OldKey)
	}
	if p.keys, err = hallpass.NewKeys(p.Key, others...); err != nil {
		return err
	}
	switch p.Role {
	case "writer":
		return p.writer(context.Background())
	case "sweeper":
		return p.sweeper(context.Background())
	case "actor":
		return p.actor(context.Background(), os.Stdin)
	}
	return fmt.Errorf("no role %q", p.Role)
}

// say writes a line to the parent, at once.
func (p *player) say(line any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := os.Stdout.Write(append(text, '\n')); err != nil {
		os.Exit(1) // nobody listens
	}
}

// A child is a running child process.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner // its lines
	err tail
}

// A tail keeps the beginning of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b[:min(len(b), 4096-len(t.text))]...)
	return len(b), nil
}

// start starts a child process on a database of e.
func (e engine) start(t testing.TB, p part) *child {
	t.Helper()
	p.Driver, p.Dialect = e.driver, e.dialect
	text, err := json.Marshal(p)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.CommandContext(t.Context(), self)}
	c.cmd.Env = append(os.Environ(), partVariable+"="+string(text))
	c.cmd.Stderr = &c.err
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, 1<<24)
	require.NoError(t, c.cmd.Start())
	return c
}

// hear reads the next line of the child. It returns false when there is none: the process has ended, and of what it wrote nothing is lost.
func (c *child) hear(line any) (bool, error) {
	if !c.out.Scan() {
		return false, c.out.Err()
	}
	return true, json.Unmarshal(c.out.Bytes(), line)
}
