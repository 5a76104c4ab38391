package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/web"
)

const (
	patience = 5 * time.Second
	pause    = 5 * time.Millisecond
)

func headers(t *testing.T, p page) {
	t.Helper()
	csp := p.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		assert.Contains(t, csp, part, p.path)
	}
	assert.NotContains(t, csp, "unsafe")
	assert.Equal(t, "same-origin", p.header.Get("Referrer-Policy"), p.path)
	assert.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"), p.path)
	assert.Equal(t, "DENY", p.header.Get("X-Frame-Options"), p.path)
	assert.Equal(t, "same-origin", p.header.Get("Cross-Origin-Opener-Policy"), p.path)
}

var (
	inline = regexp.MustCompile(`(?i)<style|\sstyle=|<script>|\son[a-z]+=|https?://[^f]`)
	title  = regexp.MustCompile(`<title>[^<]+ · Forge</title>`)
)

func TestEveryPageHasTheHeadersAndNothingInline(t *testing.T) {
	s := open(t)
	token, _ := s.issue("job", s.repository.Resource(), hallpass.RepositoryRead)
	b := s.as("admin")
	pages := []page{
		s.browser().get("/login"), s.browser().logIn("admin", "wrong"), b.make(ofRepository, "job", "repository"),
		b.make(ofRepository, ""), b.post(ofRepository, form("name", strings.Repeat("x", 70<<10))),
	}
	for _, path := range s.pages(token.ID) {
		pages = append(pages, b.get(path))
	}
	b.header.Set("Sec-Fetch-Site", "cross-site")
	pages = append(pages, b.post("/logout", nil))
	for _, p := range pages {
		headers(t, p)
		assert.Contains(t, strings.Join(p.header.Values("Cache-Control"), ", "), "no-store", p.path)
		assert.Equal(t, "text/html; charset=utf-8", p.header.Get("Content-Type"), p.path)
		assert.NotRegexp(t, inline, p.body)
		assert.Regexp(t, title, p.body)
		has(t, p, `<html lang="en">`, `class="skip" href="#main"`)
		assert.Equal(t, 1, strings.Count(p.body, "<h1"), p.path)
	}
}

func TestStaticFilesAreKeptUntilTheyChange(t *testing.T) {
	s := open(t)
	b := s.browser()
	for file, kind := range map[string]string{"style.css": "text/css", "copy.js": "javascript", "logo.svg": "image/svg+xml"} {
		p := b.get("/static/" + file)
		require.Equal(t, http.StatusOK, p.status)
		headers(t, p)
		assert.Contains(t, p.header.Get("Content-Type"), kind)
		assert.NotContains(t, p.header.Get("Cache-Control"), "no-store")
		b.header.Set("If-None-Match", p.header.Get("ETag"))
		assert.Equal(t, http.StatusNotModified, b.get("/static/"+file).status)
		b.header.Del("If-None-Match")
	}
	assert.Equal(t, http.StatusNotFound, b.get("/static/nothing").status)
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	s := open(t)
	p := s.as("admin").post(ofRepository, form("name", strings.Repeat("x", 70<<10), "permission", "repository"))
	assert.Equal(t, http.StatusRequestEntityTooLarge, p.status)
	assert.Equal(t, http.StatusBadRequest, s.browser().send(http.MethodPost, "/login", strings.NewReader("login=%zz")).status)
	assert.Empty(t, s.all())
}

func TestAFailureShowsNothingOfItsCause(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	_, err := s.DB.Exec(`ALTER TABLE projects RENAME TO elsewhere`)
	require.NoError(t, err)
	p := b.get("/")
	assert.Equal(t, http.StatusInternalServerError, p.status)
	has(t, p, "Something went wrong")
	lacks(t, p, "no such table", "projects", "SQL")
}

func TestAStoreThatDoesNotAnswerIsNoRefusal(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	_, err := s.DB.Exec(`ALTER TABLE hallpass_tokens RENAME TO elsewhere`)
	require.NoError(t, err)
	for _, p := range []page{b.get(ofRepository), b.make(ofRepository, "job", "repository"), b.post(ofRepository+"/aaaaaaaaaaaaaaaaaaaa/revoke", nil)} {
		assert.Equal(t, http.StatusServiceUnavailable, p.status)
		assert.NotEmpty(t, p.header.Get("Retry-After"))
		has(t, p, "The forge cannot answer just now")
		lacks(t, p, "no such table")
	}
	_, err = s.DB.Exec(`ALTER TABLE sessions RENAME TO elsewhere2`)
	require.NoError(t, err)
	p := b.get("/")
	assert.Equal(t, http.StatusServiceUnavailable, p.status)
	lacks(t, p, "no such table", "Administrator")
}

func TestTheAuditLogIsPagedAndNamesWhatItKnows(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	has(t, b.get("/settings/acme/audit"), "Nothing happened yet")
	token, secret := s.issue("deploy job", s.repository.Resource(), hallpass.RepositoryRead)
	_, err := s.Passes.Authorize(t.Context(), secret, s.project.Resource(), hallpass.ProjectRead)
	require.ErrorIs(t, err, hallpass.ErrDenied)
	require.Eventually(t, func() bool { return s.count("audit") == 2 }, patience, pause)
	p := b.get("/settings/acme/audit")
	has(t, p, "acme/api", "Core services", "deploy job", string(token.ID), `class="label denied"`, `class="label issued"`, `<code class="chip">project</code>`)
	lacks(t, p, s.repository.ID)
	assert.Less(t, strings.Index(p.body, "label denied"), strings.Index(p.body, "label issued"), "the newest first")

	for i := range 60 {
		_, err := s.DB.Exec(`INSERT INTO audit (at, workspace, kind, token, name, resource, permissions, reason)
			VALUES (?, ?, 'rejected', 'id', ?, 'repository:gone/gone', '', 'revoked')`, time.Now().UnixMicro(), s.workspace.ID, fmt.Sprintf("entry %02d", i))
		require.NoError(t, err)
	}
	p = b.get("/settings/acme/audit")
	has(t, p, "entry 59", "entry 10", "repository:gone/gone")
	lacks(t, p, "entry 09")
	older := regexp.MustCompile(`href="(/settings/acme/audit\?before=\d+)"`).FindStringSubmatch(p.body)
	require.NotNil(t, older)
	p = b.get(older[1])
	has(t, p, "entry 09", "entry 00", "deploy job", "Newest entries")
	lacks(t, p, "entry 10", "Older entries")
	has(t, b.get("/settings/acme/audit?before=1"), "Nothing older")
	for _, before := range []string{"0", "-1", "x", "99999999999999999999"} {
		assert.Equal(t, http.StatusNotFound, b.get("/settings/acme/audit?before="+before).status)
	}
}

func TestOneWorkspaceSeesNothingOfTheLogOfAnother(t *testing.T) {
	s := open(t)
	globex, err := s.AddWorkspace(t.Context(), "globex", "Globex", "premium")
	require.NoError(t, err)
	require.NoError(t, s.Appoint(t.Context(), s.admin, globex.Resource()))
	s.issue("job of acme", s.repository.Resource(), hallpass.RepositoryRead)
	require.Eventually(t, func() bool { return s.count("audit") == 1 }, patience, pause)
	lacks(t, s.as("admin").get("/settings/globex/audit"), "job of acme")
}

func TestARepositoryPageShowsHowScriptsReachIt(t *testing.T) {
	s := open(t)
	p := s.as("member").get("/repositories/acme/api")
	has(t, p, "https://forge.example.com/git/acme/api.git", "x-token-auth", "https://forge.example.com/2.0/repositories/acme/api", "credential helper", "The public API")
	lacks(t, p, ofRepository)
	has(t, s.as("admin").get("/repositories/acme/api"), ofRepository)
	assert.Equal(t, http.StatusNotFound, s.as("member").get("/repositories/acme/nothing").status)
}

func TestAPanicIsAFailure(t *testing.T) {
	s := build(t)
	o := s.options()
	o.CloneURL = func(string, string) string { panic("a fault of the host") }
	s.handler = web.New(s.Host, o)
	w := s.direct(http.MethodGet, "/repositories/acme/api", s.directLogin(t), nil)
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Contains(t, w.Body.String(), "Something went wrong")
	assert.NotContains(t, w.Body.String(), "a fault of the host")
}
