package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrTooLarge says that git's answer is larger than 1 MiB.
var ErrTooLarge = errors.New("what was asked for is larger than 1 MiB: clone the repository instead")

const maxOutput = 1 << 20

// Git runs git on a repository, without any configuration of this machine. Whoever calls it makes sure that no argument that comes from a
// request begins with "-".
func (h *Host) Git(ctx context.Context, r Repository, input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir", h.GitDir(r)}, args...)...)
	cmd.Env = []string{"GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "LC_ALL=C", "PATH=" + filepath.Dir(cmd.Path)}
	cmd.Stdin = strings.NewReader(input)
	var out limited
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if out.full {
		return "", ErrTooLarge
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %.200s", args[0], err, said.String())
	}
	return out.String(), nil
}

// limited is a buffer that takes no more than maxOutput.
type limited struct {
	bytes.Buffer
	full bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		l.full = true
		return 0, ErrTooLarge
	}
	return l.Buffer.Write(p)
}

// A Commit puts one file on a branch, which is made if it is not there. Branch and Path are names that a request may choose, so they are
// checked before: see the API.
type Commit struct{ Branch, Path, Content, Message, Author, Email string }

// AddCommit commits.
func (h *Host) AddCommit(ctx context.Context, r Repository, c Commit) error {
	ref, from := "refs/heads/"+c.Branch, ""
	if _, err := h.Git(ctx, r, "", "rev-parse", "--verify", "--quiet", ref); err == nil {
		from = "from " + ref + "^0\n"
	}
	author := strings.NewReplacer("<", "", ">", "").Replace(c.Author)
	_, err := h.Git(ctx, r, fmt.Sprintf("commit %s\ncommitter %s <%s> %d +0000\ndata %d\n%s\n%sM 100644 inline %s\ndata %d\n%s\n",
		ref, author, c.Email, time.Now().Unix(), len(c.Message), c.Message, from, c.Path, len(c.Content), c.Content),
		"fast-import", "--quiet", "--date-format=raw")
	return err
}
