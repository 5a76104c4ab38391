package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
	"github.com/hallpass-go/hallpass/examples/forge/web"
)

const password = "correct horse battery staple"

// The lists of tokens of the site.
const (
	ofWorkspace  = "/settings/acme/tokens"
	ofProject    = "/settings/acme/projects/CORE/tokens"
	ofRepository = "/settings/acme/repositories/api/tokens"
)

// A site is a forge with a workspace on the premium plan, its administrator and a member who manages nothing.
type site struct {
	*host.Host
	t          *testing.T
	dir        string
	handler    http.Handler
	url        string
	workspace  host.Workspace
	project    host.Project
	repository host.Repository
	admin      host.Person
	member     host.Person
}

func open(t *testing.T) *site {
	t.Helper()
	s := build(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// build is open without a network.
func build(t *testing.T) *site {
	t.Helper()
	ctx, s := context.Background(), &site{t: t, dir: t.TempDir()}
	var err error
	s.Host, err = host.Open(ctx, s.dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	s.workspace, err = s.AddWorkspace(ctx, "acme", "Acme", "premium")
	require.NoError(t, err)
	s.project, err = s.AddProject(ctx, s.workspace, "CORE", "Core services")
	require.NoError(t, err)
	s.repository, err = s.AddRepository(ctx, s.project, "api", "The public API")
	require.NoError(t, err)
	s.admin, s.member = s.person("admin", "Administrator"), s.person("member", "Member")
	require.NoError(t, s.Appoint(ctx, s.admin, s.workspace.Resource()))
	require.NoError(t, s.Admit(ctx, s.member, s.workspace))
	s.handler = web.New(s.Host, s.options())
	return s
}

func (s *site) options() web.Options {
	return web.Options{CloneURL: func(workspace, slug string) string {
		return "https://forge.example.com/git/" + workspace + "/" + slug + ".git"
	}}
}

func (s *site) person(login, name string) host.Person {
	s.t.Helper()
	p, err := s.SetPassword(context.Background(), login, name, password)
	require.NoError(s.t, err)
	return p
}

// issue makes a token as the administrator of the workspace, without the pages.
func (s *site) issue(name string, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, string) {
	s.t.Helper()
	t, secret, err := s.Passes.Issue(host.WithPerson(context.Background(), s.admin), hallpass.Grant{
		Name: name, CreatedBy: s.admin.ID, Resource: r.Identity(), Permissions: permissions,
	})
	require.NoError(s.t, err)
	return t, secret.Reveal()
}

// all lists every token there is, also the revoked.
func (s *site) all() (all []hallpass.Token) {
	s.t.Helper()
	for t, err := range s.Passes.List(context.Background(), s.workspace.Resource(), hallpass.ListOptions{IncludeRevoked: true}) {
		require.NoError(s.t, err)
		all = append(all, t)
	}
	return all
}

// live reports whether a secret is that of a live token.
func (s *site) live(secret string) bool {
	_, err := s.Passes.Authenticate(context.Background(), secret)
	return err == nil
}

// A browser keeps cookies and follows redirects.
type browser struct {
	site   *site
	client *http.Client
	header http.Header // sent with each request
}

// A page is what a browser came to.
type page struct {
	status int
	body   string
	header http.Header
	path   string
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &browser{s, &http.Client{Jar: jar}, http.Header{}}
}

// as logs a person in.
func (s *site) as(login string) *browser {
	s.t.Helper()
	b := s.browser()
	p := b.logIn(login, password)
	require.Equal(s.t, http.StatusOK, p.status)
	require.Equal(s.t, "/", p.path)
	return b
}

func (b *browser) logIn(login, password string) page {
	b.site.t.Helper()
	return b.post("/login", url.Values{"login": {login}, "password": {password}})
}

func (b *browser) get(path string) page {
	b.site.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

func (b *browser) post(path string, form url.Values) page {
	b.site.t.Helper()
	return b.send(http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (b *browser) send(method, path string, body io.Reader) page {
	b.site.t.Helper()
	r, err := http.NewRequest(method, b.site.url+path, body)
	require.NoError(b.site.t, err)
	for name, values := range b.header {
		r.Header[name] = values
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(r)
	require.NoError(b.site.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	require.NoError(b.site.t, err)
	return page{response.StatusCode, string(content), response.Header, response.Request.URL.RequestURI()}
}

// cookie returns the cookie of the session, or nil.
func (b *browser) cookie() *http.Cookie {
	u, err := url.Parse(b.site.url)
	require.NoError(b.site.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		return c
	}
	return nil
}

// loggedIn reports whether the browser has a session.
func (b *browser) loggedIn() bool {
	b.site.t.Helper()
	return b.get("/").path == "/"
}

// make makes a token on its page and returns the page that shows the secret.
func (b *browser) make(list, name string, permissions ...string) page {
	b.site.t.Helper()
	return b.post(list, url.Values{"name": {name}, "permission": permissions})
}

var secretText = regexp.MustCompile(`hp_[0-9A-Za-z]{61}`)

// secret returns the one secret that a page shows, or "".
func (p page) secret() string { return secretText.FindString(p.body) }

func has(t *testing.T, p page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		assert.Contains(t, p.body, text)
	}
}

func lacks(t *testing.T, p page, texts ...string) {
	t.Helper()
	for _, text := range texts {
		assert.NotContains(t, p.body, text)
	}
}
