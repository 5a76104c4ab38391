// Package git serves the repositories of the forge to git over HTTP, by git http-backend. A token reads with RepositoryRead and
// pushes with RepositoryWrite, and git sends it as the password of the user x-token-auth.
package git

import (
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// Options bound what clients may cause. Zero values are replaced by what stands behind each.
type Options struct {
	Processes int           // how many requests git works on at once: 16
	FetchSize int64         // of the body of a fetch, unpacked, which is held in memory: 16 MiB
	PushSize  int64         // of the body of a push: 512 MiB
	Patience  time.Duration // how long a client may keep git waiting: 30 seconds
	Log       *slog.Logger  // gets what git complains of: slog.Default()
}

const (
	uploadPack  = "git-upload-pack"  // sends what a client fetches
	receivePack = "git-receive-pack" // takes what a client pushes
)

// A server answers requests that the gate let through.
type server struct {
	Options
	gate  *bearer.Gate
	host  *host.Host
	git   string // the program
	root  string
	slots chan struct{}
}

// Routes registers the routes of git on m, below /git/{workspace}/{repository}/. The repository may be written with .git at its end.
// It reports an error where there is no git.
func Routes(m *bearer.Mux, h *host.Host, o Options) error {
	s := &server{Options: o.complete(), gate: m.Gate, host: h}
	var err error
	if s.git, err = exec.LookPath("git"); err != nil {
		return fmt.Errorf("git over HTTP needs git: %w", err)
	}
	if s.root, err = filepath.Abs(h.GitRoot()); err != nil {
		return err
	}
	s.slots = make(chan struct{}, s.Processes)

	repository := bearer.On(s.load, host.Repository.Resource)
	bearer.Handle(m, "GET /git/{workspace}/{repository}/info/refs", repository.Needs(hallpass.RepositoryRead), s.refs)
	bearer.Handle(m, "POST /git/{workspace}/{repository}/"+uploadPack, repository.Needs(hallpass.RepositoryRead), s.fetch)
	bearer.Handle(m, "POST /git/{workspace}/{repository}/"+receivePack, repository.Needs(hallpass.RepositoryWrite), s.push)
	return nil
}

func (o Options) complete() Options {
	if o.Processes <= 0 {
		o.Processes = 16
	}
	if o.FetchSize <= 0 {
		o.FetchSize = 16 << 20
	}
	if o.PushSize <= 0 {
		o.PushSize = 512 << 20
	}
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// load finds the repository that the path names. No slug ends in .git.
func (s *server) load(r *http.Request) (host.Repository, error) {
	return s.host.Repository(r.Context(), r.PathValue("workspace"), strings.TrimSuffix(r.PathValue("repository"), ".git"))
}
