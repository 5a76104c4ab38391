package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/web"
)

func (s *site) count(table string) (n int) {
	s.t.Helper()
	require.NoError(s.t, s.DB.QueryRow(`SELECT COUNT(*) FROM `+table).Scan(&n))
	return n
}

func TestATokenLogsNobodyIn(t *testing.T) {
	s := open(t)
	_, live := s.issue("job", s.workspace.Resource(), hallpass.ProjectRead)
	dead, revoked := s.issue("old job", s.workspace.Resource(), hallpass.ProjectRead)
	require.NoError(t, s.Passes.Revoke(t.Context(), s.workspace.Resource(), dead.ID))
	for _, form := range []url.Values{
		{"login": {"admin"}, "password": {live}},
		{"login": {"admin"}, "password": {" " + live + "\r\n"}},
		{"login": {live}, "password": {password}},
		{"login": {live}, "password": {""}},
		{"login": {"x-token-auth"}, "password": {revoked}},
	} {
		b := s.browser()
		p := b.post("/login", form)
		assert.Equal(t, http.StatusUnprocessableEntity, p.status)
		has(t, p, "That is an access token. Tokens are for scripts and git: nobody logs in with one.")
		lacks(t, p, live, revoked)
		assert.Nil(t, b.cookie())
	}
	assert.Zero(t, s.count("sessions"))
}

func TestAWrongLoginSaysNothing(t *testing.T) {
	s := open(t)
	wrong, unknown := s.browser().logIn("admin", "wrong"), s.browser().logIn("nobody", "wrong")
	assert.Equal(t, http.StatusUnauthorized, wrong.status)
	assert.Equal(t, http.StatusUnauthorized, unknown.status)
	assert.Equal(t, strings.ReplaceAll(wrong.body, "admin", "nobody"), unknown.body)
	has(t, wrong, "There is no such login, or the password is not the one of this login.")
	assert.Zero(t, s.count("sessions"))
}

func TestALoginGetsASessionOfItsOwn(t *testing.T) {
	s := open(t)
	b := s.browser()
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	planted := &http.Cookie{Name: "forge_session", Value: strings.Repeat("a", 43), Path: "/"}
	b.client.Jar.SetCookies(u, []*http.Cookie{planted})
	require.Equal(t, "/", b.logIn("admin", password).path)
	first := b.cookie().Value
	assert.NotEqual(t, planted.Value, first)

	require.Equal(t, "/", b.logIn("member", password).path)
	assert.NotEqual(t, first, b.cookie().Value)
	has(t, b.get("/"), "Member")
	for _, old := range []string{planted.Value, first} {
		other := s.browser()
		other.client.Jar.SetCookies(u, []*http.Cookie{{Name: "forge_session", Value: old, Path: "/"}})
		assert.False(t, other.loggedIn())
	}
}

func TestALoginInheritsNothing(t *testing.T) {
	s := open(t)
	token, _ := s.issue("secret project", s.repository.Resource(), hallpass.RepositoryRead)
	b := s.as("admin")
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	require.Equal(t, http.StatusSeeOther, b.post(ofRepository+"/"+string(token.ID)+"/revoke", nil).status)
	b.client.CheckRedirect = nil
	lacks(t, b.logIn("member", password), "secret project")
}

func TestTheDatabaseHasNobodysSession(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	var token string
	require.NoError(t, s.DB.QueryRow(`SELECT token FROM sessions`).Scan(&token))
	assert.NotEqual(t, b.cookie().Value, token)
}

func TestLogoutEndsTheSession(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	stolen := s.browser()
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	stolen.client.Jar.SetCookies(u, []*http.Cookie{b.cookie()})
	require.True(t, stolen.loggedIn())
	assert.Equal(t, "/login", b.post("/logout", nil).path)
	assert.Nil(t, b.cookie())
	assert.False(t, stolen.loggedIn())
	assert.NotEqual(t, http.StatusOK, s.as("admin").get("/logout").status, "a link logs nobody out")
}

func TestARequestThatBeganBeforeTheLogoutBringsNothingBack(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	cookie := b.cookie()
	body, rest := io.Pipe()
	r, err := http.NewRequest(http.MethodPost, s.url+ofRepository, body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(cookie)
	r.Header.Set("Expect", "100-continue") // which the server answers when the handler reads the body: the session is loaded then
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	done := make(chan *http.Response)
	go func() {
		response, err := transport.RoundTrip(r)
		assert.NoError(t, err)
		done <- response
	}()
	_, err = rest.Write([]byte("name=job"))
	require.NoError(t, err)
	require.Equal(t, "/login", b.post("/logout", nil).path)
	require.NoError(t, rest.Close())
	response := <-done
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnprocessableEntity, response.StatusCode, "it had begun before")

	u, err := url.Parse(s.url)
	require.NoError(t, err)
	b.client.Jar.SetCookies(u, []*http.Cookie{cookie})
	assert.False(t, b.loggedIn())
}

func TestWhoIsDeletedIsLoggedOut(t *testing.T) {
	s := open(t)
	b := s.as("member")
	for _, query := range []string{`DELETE FROM roles WHERE person = ?`, `DELETE FROM people WHERE id = ?`} {
		_, err := s.DB.Exec(query, s.member.ID)
		require.NoError(t, err)
	}
	assert.False(t, b.loggedIn())
}

func TestTheCookieIsForThisServerAlone(t *testing.T) {
	s := open(t)
	for _, secure := range []bool{false, true} {
		o := s.options()
		o.Secure = secure
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(url.Values{"login": {"admin"}, "password": {password}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		web.New(s.Host, o).ServeHTTP(w, r)
		require.Equal(t, http.StatusSeeOther, w.Code)
		cookies := w.Result().Cookies()
		require.Len(t, cookies, 1)
		c := cookies[0]
		assert.True(t, c.HttpOnly)
		assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
		assert.Equal(t, "/", c.Path)
		assert.Empty(t, c.Domain)
		assert.Equal(t, secure, c.Secure)
		assert.Equal(t, secure, c.Name == "__Host-forge_session")
	}
}

func TestALoginLeadsToPathsOfThisServerAlone(t *testing.T) {
	for next, want := range map[string]string{
		"":                             "/",
		"/settings/acme/tokens":        "/settings/acme/tokens",
		"/settings/acme/audit?before=": "/settings/acme/audit?before=",
		"https://evil.example":         "/",
		"//evil.example":               "/",
		"///evil.example":              "/",
		"/\\evil.example":              "/",
		"\\\\evil.example":             "/",
		"/\t/evil.example":             "/",
		"/\n/evil.example":             "/",
		" //evil.example":              "/",
		"evil.example":                 "/",
		"javascript:alert(1)":          "/",
		"/%zz":                         "/",
	} {
		assert.Equal(t, want, web.SafeNext(next), "%q", next)
	}
	s := open(t)
	b := s.browser()
	p := b.get(ofRepository + "?revoked=1")
	require.True(t, strings.HasPrefix(p.path, "/login?next="), p.path)
	has(t, p, `name="next" value="`+ofRepository+`?revoked=1"`)
	p = b.post("/login", url.Values{"login": {"admin"}, "password": {password}, "next": {ofRepository + "?revoked=1"}})
	assert.Equal(t, ofRepository+"?revoked=1", p.path)
	assert.Equal(t, "/", s.browser().post("/login", url.Values{"login": {"admin"}, "password": {password}, "next": {"//evil.example/x"}}).path)
	assert.Equal(t, "/", b.get("/login?next=//evil.example").path, "who is logged in goes on")
}

func TestWhoFailsTooOftenWaits(t *testing.T) {
	s := open(t)
	for range 10 {
		require.Equal(t, http.StatusUnauthorized, s.browser().logIn("admin", "wrong").status)
	}
	p := s.browser().logIn("Admin", password)
	assert.Equal(t, http.StatusTooManyRequests, p.status)
	assert.NotEmpty(t, p.header.Get("Retry-After"))
	has(t, p, "Too many attempts failed")
	s.as("member") // another login from here
	for i := range 20 {
		require.Equal(t, http.StatusUnauthorized, s.browser().logIn(fmt.Sprint("nobody", i), "wrong").status)
	}
	assert.Equal(t, http.StatusTooManyRequests, s.browser().logIn("member", password).status, "the address is used up")
}

func TestALoginThatDidNotFailCountsForNothing(t *testing.T) {
	s := open(t)
	_, token := s.issue("job", s.workspace.Resource(), hallpass.ProjectRead)
	for range 12 {
		s.as("admin")
		require.Equal(t, http.StatusUnprocessableEntity, s.browser().logIn("admin", token).status)
	}
}
