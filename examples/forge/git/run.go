package git

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A call is what git http-backend is asked for.
type call struct {
	path  string    // within the repository
	stdin io.Reader // nil: nothing
	body  *body     // where stdin is a body that is still to come
}

// grace is how long a git that is told to end may take to put away its locks.
const grace = 5 * time.Second

// start runs git and sends what it says. When it returns, git has ended. It does what net/http/cgi does, but that ends no process whose
// client has gone, passes on all headers and the length of the request, takes no chunked body, and waits forever for a slow client.
func (s *server) start(w http.ResponseWriter, r *http.Request, repository host.Repository, c *call) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var complaint complaint
	command := exec.CommandContext(ctx, s.git, "http-backend")
	command.Dir = s.root
	command.Env = s.environment(r, repository, c)
	command.Stdin = c.stdin
	command.Stderr = &complaint
	command.WaitDelay = grace // then it is killed, and its pipes are closed whoever holds them
	together(command)

	a := &answer{w: w, control: http.NewResponseController(w), patience: s.Patience, body: c.body}
	err := a.from(command)
	if err != nil {
		cancel()
	}
	if command.Process != nil {
		err = errors.Join(err, command.Wait())
	}
	if complaint.text.Len() > 0 || err != nil && r.Context().Err() == nil {
		s.Log.WarnContext(r.Context(), "git complains", "repository", repository.ID, "path", c.path, "error", err, "stderr", complaint.text.String())
	}
	a.end(err)
}

// environment is all that git is told. Nothing in it was written by the client but the version of the protocol: the path is made of
// the identity, and the query is one of two. The Authorization header is not passed on, for hooks see all of this.
func (s *server) environment(r *http.Request, repository host.Repository, c *call) []string {
	token, _ := hallpass.FromContext(r.Context())
	method := http.MethodGet
	if c.stdin != nil {
		method = http.MethodPost
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.DevNull, // where no configuration is
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_COUNT=3",
		"GIT_CONFIG_KEY_0=http.receivepack", "GIT_CONFIG_VALUE_0=true",
		"GIT_CONFIG_KEY_1=gc.autoDetach", "GIT_CONFIG_VALUE_1=false", // what a push starts ends with it
		"GIT_CONFIG_KEY_2=maintenance.autoDetach", "GIT_CONFIG_VALUE_2=false",
		"GIT_HTTP_EXPORT_ALL=1",
		"GIT_HTTP_MAX_REQUEST_BUFFER=" + strconv.FormatInt(s.FetchSize+1, 10), // which it has to stay below
		"GIT_PROJECT_ROOT=" + s.root,
		"PATH_INFO=/" + filepath.Base(s.host.GitDir(repository)) + "/" + c.path,
		"REQUEST_METHOD=" + method,
		"QUERY_STRING=" + r.URL.RawQuery,
		"REMOTE_USER=" + string(token.ID),
	}
	if c.stdin != nil {
		// There is no CONTENT_LENGTH: git reads to the end without. With one, git 2.39 turns in circles forever when the end comes early.
		env = append(env, "CONTENT_TYPE=application/x-"+c.path+"-request")
	}
	if version := r.Header.Get("Git-Protocol"); versions.MatchString(version) {
		env = append(env, "GIT_PROTOCOL="+version)
	}
	return env
}

// versions is what Git-Protocol looks like, such as version=2.
var versions = regexp.MustCompile(`^[a-z0-9=:-]{1,64}$`)

// A complaint keeps the beginning of what git says on stderr. The buffer is a field, for one that is embedded has a ReadFrom.
type complaint struct{ text bytes.Buffer }

// Write never fails: a git that could not complain would end.
func (c *complaint) Write(p []byte) (int, error) {
	c.text.Write(p[:min(len(p), 4096-c.text.Len())])
	return len(p), nil
}
