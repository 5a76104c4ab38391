package routers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/routers"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // else it writes its routes to the output of the examples
	os.Exit(m.Run())
}

// A door calls one operation of a forge over a real listener: "show", which needs RepositoryRead, or "run", which needs PipelineWrite.
type door func(t *testing.T, operation, repository string, authorization ...string) answer

// An answer is all that a caller sees. Its status is that of HTTP, also of RPC.
type answer struct {
	status int
	header string // what it says of the token
	text   string
}

// A site is a forge whose store and database may fail.
type site struct {
	*routers.Forge
	passes *hallpass.Authority
	down   atomic.Bool
	found  error // what Find returns instead, unless nil
}

type failing struct {
	hallpass.Store
	down *atomic.Bool
}

func (s failing) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	if s.down.Load() {
		return nil, errors.New("no route to db.internal")
	}
	return s.Store.Get(ctx, id)
}

func newSite(t *testing.T) *site {
	s := &site{}
	s.passes = hallpasstest.With(t, hallpass.Config{Store: failing{memstore.New(), &s.down}})
	s.Forge = routers.NewForge(s.passes)
	find := s.Find
	s.Find = func(workspace, repository string) (hallpass.Resource, error) {
		if s.found != nil {
			return hallpass.Resource{}, s.found
		}
		return find(workspace, repository)
	}
	return s
}

// issue returns a token and the header that presents it.
func (s *site) issue(t *testing.T, r hallpass.Resource, p ...hallpass.Permission) (hallpass.Token, string) {
	token, secret, err := s.passes.Issue(t.Context(), hallpass.Grant{Name: "job", CreatedBy: "user-1", Resource: r, Permissions: p})
	require.NoError(t, err)
	return token, "Bearer " + secret.Reveal()
}

var (
	acme = hallpass.Workspace("acme")
	api  = hallpass.Repository("acme", "api")
	core = hallpass.Project("acme", "core")
)

// keepsTheRules holds for every adapter.
func keepsTheRules(t *testing.T, open func(t *testing.T, s *site) door) {
	run := func(name string, test func(t *testing.T, s *site, call door)) {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			test(t, s, open(t, s))
		})
	}

	run("a token does what it may, and the handler sees which it is", func(t *testing.T, s *site, call door) {
		for _, bound := range []hallpass.Resource{api, core, acme} {
			token, header := s.issue(t, bound, hallpass.RepositoryRead, hallpass.PipelineWrite)
			for operation, done := range map[string]string{"show": "shown to", "run": "run by"} {
				got := call(t, operation, "acme/api", header)
				require.Equal(t, 200, got.status, "%v: %s: %s", bound, operation, got.text)
				assert.Contains(t, got.text, fmt.Sprintf("api %s %s", done, token.ID))
			}
		}
	})

	run("whatever is wrong with a token, the answer is the same", func(t *testing.T, s *site, call door) {
		_, header := s.issue(t, acme, hallpass.RepositoryRead)
		token, revoked := s.issue(t, acme, hallpass.RepositoryRead)
		require.Equal(t, 200, call(t, "show", "acme/api", revoked).status)
		require.NoError(t, s.passes.Revoke(t.Context(), acme, token.ID))
		want := call(t, "show", "acme/api", "Bearer garbage")
		require.Equal(t, 401, want.status)
		for name, values := range map[string][]string{
			"revoked":        {revoked},
			"doubled":        {header, header},
			"comma":          {header + ", " + header},
			"another scheme": {strings.Replace(header, "Bearer", "Token", 1)},
			"empty":          {""},
		} {
			assert.Equal(t, want, call(t, "show", "acme/api", values...), name)
			assert.Equal(t, want, call(t, "show", "acme/nothing", values...), name)
		}
		none := call(t, "show", "acme/api")
		assert.Equal(t, 401, none.status)
		assert.Equal(t, want.text, none.text)
		assert.Equal(t, none, call(t, "show", "acme/nothing"))
	})

	run("a token without the permission is denied", func(t *testing.T, s *site, call door) {
		_, reads := s.issue(t, api, hallpass.RepositoryRead)
		assert.Equal(t, 403, call(t, "run", "acme/api", reads).status)
		_, hooks := s.issue(t, acme, hallpass.Webhook)
		assert.Equal(t, 403, call(t, "show", "acme/api", hooks).status)
	})

	run("what does not exist is answered as what is out of reach", func(t *testing.T, s *site, call door) {
		for name, bound := range map[string]hallpass.Resource{"a repository": api, "a project": core, "another workspace": hallpass.Workspace("globex")} {
			_, header := s.issue(t, bound, hallpass.RepositoryRead)
			there := call(t, "show", "acme/site", header)
			require.Equal(t, 403, there.status, name)
			assert.Equal(t, there, call(t, "show", "acme/nothing", header), name)
			assert.Equal(t, there, call(t, "show", "nobody/api", header), name)
		}
		_, header := s.issue(t, acme, hallpass.Webhook) // reaches it, without the permission
		assert.Equal(t, call(t, "show", "acme/site", header), call(t, "show", "acme/nothing", header))
		_, header = s.issue(t, acme, hallpass.RepositoryRead)
		assert.Equal(t, 404, call(t, "show", "acme/nothing", header).status, "who reaches all of the workspace may know")
		assert.Equal(t, 403, call(t, "show", "nobody/api", header).status)
	})

	run("what cannot be asked is unavailable and shows nothing of itself", func(t *testing.T, s *site, call door) {
		_, header := s.issue(t, api, hallpass.RepositoryRead)
		s.down.Store(true)
		got := call(t, "show", "acme/api", header)
		assert.Equal(t, 503, got.status)
		assert.NotContains(t, got.text, "db.internal")
		s.down.Store(false)
		for status, err := range map[int]error{503: fmt.Errorf("%w: db.internal", hallpass.ErrUnavailable), 500: errors.New("db.internal")} {
			s.found = err
			got := call(t, "show", "acme/api", header)
			assert.Equal(t, status, got.status)
			assert.NotContains(t, got.text, "db.internal")
		}
	})

	run("what is public needs no token", func(t *testing.T, s *site, call door) {
		assert.Equal(t, 200, call(t, "health", "").status)
		assert.Equal(t, 200, call(t, "health", "", "Bearer garbage").status)
	})
}

// httpDoor calls the routes of a router.
func httpDoor(router func(*routers.Forge) http.Handler) func(t *testing.T, s *site) door {
	return func(t *testing.T, s *site) door {
		server := httptest.NewServer(router(s.Forge))
		t.Cleanup(server.Close)
		return func(t *testing.T, operation, repository string, authorization ...string) answer {
			method, path := "GET", "/repositories/"+repository
			switch operation {
			case "run":
				method, path = "POST", path+"/pipelines"
			case "health":
				path = "/health"
			}
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			require.NoError(t, err)
			r.Header["Authorization"] = authorization
			response, err := server.Client().Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			if response.StatusCode >= 400 {
				assert.True(t, json.Valid(body), "it is answered once: %s", body)
			}
			response.Header.Del("Date")
			return answer{response.StatusCode, fmt.Sprint(response.Header), string(body)}
		}
	}
}
