package hosting

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer/bearertest"
	"github.com/hallpass-go/hallpass/examples/internal/page"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// Every block of Go in the page stands in this package, so that what people copy compiles.
func TestThePageHasThisCode(t *testing.T) {
	page.HasCodeOf(t, "../../docs/hosting.md", 9, "hosting.go", "hosting_test.go")
}

func newService(t *testing.T) *Service {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "host.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	_, err = db.Exec(`CREATE TABLE repositories (workspace TEXT, project TEXT, id TEXT PRIMARY KEY, name TEXT, UNIQUE (workspace, name)) STRICT;
		CREATE TABLE admins (person TEXT, workspace TEXT) STRICT;
		INSERT INTO repositories VALUES ('acme', 'core', 'r1', 'api'), ('acme', 'web', 'r2', 'site'), ('globex', 'core', 'r3', 'api');
		INSERT INTO admins VALUES ('p1', 'acme'), ('p1', 'globex')`)
	require.NoError(t, err)
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(t, err)
	s, err := New(t.Context(), db, keys)
	require.NoError(t, err)
	return s
}

func (s *Service) issue(t testing.TB, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret) {
	admin := context.WithValue(t.Context(), personKey{}, "p1")
	token, secret, err := s.passes.Issue(admin, hallpass.Grant{Name: "test", CreatedBy: "p1", Resource: r, Permissions: permissions})
	require.NoError(t, err)
	return token, secret
}

func get(s *Service, method, target, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	w := httptest.NewRecorder()
	s.Routes().ServeHTTP(w, r)
	return w
}

func TestNoRouteForgetsTheCheck(t *testing.T) {
	service := newService(t)
	routes := service.Routes()
	bearertest.Walk{
		Authority:     service.passes,
		Routes:        routes.Routes(),
		Handler:       routes, // or all of the server, with what you put around it
		Values:        map[string]string{"workspace": "acme", "repository": "api"},
		Inside:        hallpass.Workspace("acme"),
		Outside:       hallpass.Workspace("globex"),
		Public:        []string{"GET /health"},
		Authenticated: []string{"GET /user"},
		Issue:         service.issue, // as an administrator, whom Policy wants
	}.Run(t)
}

func TestWhatEachRouteNeeds(t *testing.T) {
	golden, err := os.ReadFile("testdata/routes.txt")
	require.NoError(t, err)
	assert.Equal(t, string(golden), bearertest.Table(newService(t).Routes().Routes()))
}

func TestAReaderReadsAndDoesNotDelete(t *testing.T) {
	passes := hallpasstest.New(t)
	service := &Service{passes: passes, db: newService(t).db}
	reader := hallpasstest.Secret(t, passes, hallpass.Project("acme", "core"), hallpass.RepositoryRead)

	assert.Equal(t, http.StatusOK, get(service, "GET", "/repositories/acme/api", reader).Code)
	assert.Equal(t, http.StatusForbidden, get(service, "DELETE", "/repositories/acme/api", reader).Code)
	assert.Equal(t, http.StatusForbidden, get(service, "GET", "/repositories/acme/site", reader).Code)
}

func TestTheServiceDoesWhatThePageSays(t *testing.T) {
	s := newService(t)
	_, workspace := s.issue(t, hallpass.Workspace("acme"), hallpass.RepositoryRead, hallpass.RepositoryDelete, hallpass.Webhook)
	_, project := s.issue(t, hallpass.Project("acme", "core"), hallpass.RepositoryRead)
	_, own := s.issue(t, hallpass.Repository("acme", "r1"), hallpass.RepositoryRead)
	assert.JSONEq(t, `["api","site"]`, get(s, "GET", "/repositories/acme", workspace.Reveal()).Body.String())
	assert.JSONEq(t, `["api"]`, get(s, "GET", "/repositories/acme", project.Reveal()).Body.String())
	assert.JSONEq(t, `[]`, get(s, "GET", "/repositories/globex", workspace.Reveal()).Body.String())
	assert.Equal(t, http.StatusCreated, get(s, "POST", "/repositories/acme/api/hooks", workspace.Reveal()).Code)
	assert.Equal(t, http.StatusNotFound, get(s, "GET", "/repositories/acme/none", workspace.Reveal()).Code)
	assert.JSONEq(t, `{"name":"test","scope":"repository"}`, get(s, "GET", "/user", own.Reveal()).Body.String())
	assert.Equal(t, http.StatusOK, get(s, "GET", "/health", "").Code)
	assert.Equal(t, http.StatusNoContent, get(s, "DELETE", "/repositories/acme/api", workspace.Reveal()).Code)
	assert.Equal(t, http.StatusUnauthorized, get(s, "GET", "/user", own.Reveal()).Code, "it ended with its repository")

	for _, ctx := range []context.Context{t.Context(), context.WithValue(t.Context(), personKey{}, "p2")} {
		_, _, err := s.passes.Issue(ctx, hallpass.Grant{Name: "x", CreatedBy: "x", Resource: hallpass.Workspace("acme"), Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
		assert.Error(t, err)
	}
}

func TestALoginRefusesATokenAndSaysWhy(t *testing.T) {
	s := newService(t)
	_, secret := s.issue(t, hallpass.Workspace("acme"), hallpass.RepositoryRead)
	r := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"password": {secret.Reveal()}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.logIn(w, r)
	assert.Equal(t, http.StatusUnprocessableEntity, w.Code)
	assert.NotContains(t, w.Body.String(), secret.Reveal())
}
