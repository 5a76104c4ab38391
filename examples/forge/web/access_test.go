package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// pages are the paths of all pages but the login.
func (s *site) pages(t hallpass.ID) []string {
	paths := []string{"/", "/repositories/acme/api", "/settings/acme/audit", "/no/such/page"}
	for _, list := range []string{ofWorkspace, ofProject, ofRepository} {
		token := list + "/" + string(t)
		paths = append(paths, list, list+"?revoked=1", list+"/new", token+"/secret", token+"/rotate", token+"/revoke")
	}
	return paths
}

func TestAnAccessTokenOpensNoPageAndMakesNoToken(t *testing.T) {
	s := open(t)
	token, secret := s.issue("job", s.workspace.Resource(), hallpass.RepositoryAdmin, hallpass.ProjectAdmin, hallpass.AccountRead)
	basic := base64.StdEncoding.EncodeToString([]byte("x-token-auth:" + secret))
	for _, header := range []string{"", "Bearer " + secret, "Basic " + basic} {
		b := s.browser()
		if header != "" {
			b.header.Set("Authorization", header)
		}
		for _, path := range s.pages(token.ID) {
			assert.True(t, strings.HasPrefix(b.get(path).path, "/login"), path)
		}
		for _, list := range []string{ofWorkspace, ofProject, ofRepository} {
			assert.Equal(t, "/login", b.make(list, "another", "repository").path)
			assert.Equal(t, "/login", b.post(list+"/"+string(token.ID)+"/rotate", form("overlap", "now")).path)
			assert.Equal(t, "/login", b.post(list+"/"+string(token.ID)+"/revoke", nil).path)
		}
		b.client.Jar.SetCookies(mustURL(t, s.url), []*http.Cookie{{Name: "forge_session", Value: secret, Path: "/"}})
		assert.False(t, b.loggedIn(), "a token is no session")
	}
	assert.Len(t, s.all(), 1)
	assert.True(t, s.live(secret))
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	s := open(t)
	token, secret := s.issue("job", s.repository.Resource(), hallpass.RepositoryRead)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "sec-fetch-site": "same-site", "Origin": "https://evil.example"} {
		b := s.as("admin")
		b.header.Set(name, value)
		for _, p := range []page{
			b.make(ofRepository, "planted", "repository"),
			b.post(ofRepository+"/"+string(token.ID)+"/rotate", form("overlap", "now")),
			b.post(ofRepository+"/"+string(token.ID)+"/revoke", nil),
			b.post("/logout", nil),
			b.logIn("member", password),
		} {
			assert.Equal(t, http.StatusForbidden, p.status)
			has(t, p, "This request came from another site")
		}
		b.header.Del(name)
		assert.True(t, b.loggedIn())
	}
	assert.Len(t, s.all(), 1)
	assert.True(t, s.live(secret))
}

func TestSettingsAreForThoseWhoManageThem(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	token, secret := s.issue("job", s.repository.Resource(), hallpass.RepositoryRead)
	stranger := s.person("stranger", "Stranger")
	ofThis := s.person("maintainer", "Maintainer")
	require.NoError(t, s.Appoint(ctx, ofThis, s.repository.Resource()))
	lead := s.person("lead", "Lead")
	require.NoError(t, s.Appoint(ctx, lead, s.project.Resource()))

	for login, may := range map[string][]string{
		s.member.Login: {"/repositories/acme/api"},
		stranger.Login: {},
		ofThis.Login:   {"/repositories/acme/api", ofRepository},
		lead.Login:     {"/repositories/acme/api", ofRepository, ofProject},
		s.admin.Login:  {"/repositories/acme/api", ofRepository, ofProject, ofWorkspace, "/settings/acme/audit"},
	} {
		b := s.as(login)
		missing, home := b.get("/no/such/page"), b.get("/")
		require.Equal(t, http.StatusNotFound, missing.status)
		for _, path := range []string{"/repositories/acme/api", ofRepository, ofProject, ofWorkspace, "/settings/acme/audit"} {
			allowed := false
			for _, m := range may {
				allowed = allowed || m == path
			}
			assert.Equal(t, allowed, strings.Contains(home.body, `href="`+path+`"`), "%s is a link for %s", path, login)
			p := b.get(path)
			assert.Equal(t, allowed, p.status == http.StatusOK, "%s for %s", path, login)
			if !allowed {
				assert.Equal(t, missing.body, p.body, "nothing tells what exists")
			}
			if !allowed && strings.HasSuffix(path, "/tokens") {
				assert.Equal(t, missing.body, b.make(path, "mine", "repository").body)
			}
		}
		if login == s.member.Login || login == stranger.Login {
			assert.Equal(t, http.StatusNotFound, b.post(ofRepository+"/"+string(token.ID)+"/revoke", nil).status)
		}
	}
	assert.Len(t, s.all(), 1)
	assert.True(t, s.live(secret))
}

func TestARoleThatEndsEndsAtOnce(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	require.Equal(t, http.StatusOK, b.get(ofRepository).status)
	_, err := s.DB.Exec(`DELETE FROM roles WHERE person = ?`, s.admin.ID)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, b.get(ofRepository).status)
	has(t, b.get("/"), "You are in no workspace yet")
}

func TestTheFreePlanHasRepositoryTokensAlone(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	for list, r := range map[string]hallpass.Resource{ofWorkspace: s.workspace.Resource(), ofProject: s.project.Resource()} {
		require.NoError(t, s.SetPlan(t.Context(), s.workspace, "premium"))
		token, secret := s.issue("older job", r, hallpass.ProjectRead)
		require.NoError(t, s.SetPlan(t.Context(), s.workspace, "free"))
		before := len(s.all())

		p := b.get(list)
		has(t, p, "Part of the premium plan", "older job", string(token.ID)+"/revoke")
		lacks(t, p, list+"/new", string(token.ID)+"/rotate")
		p = b.get(list + "/new")
		has(t, p, "Part of the premium plan")
		lacks(t, p, `name="permission"`)
		p = b.make(list, "job", "repository")
		assert.Equal(t, http.StatusForbidden, p.status)
		has(t, p, "part of the premium plan")
		p = b.post(list+"/"+string(token.ID)+"/rotate", form("overlap", "now"))
		assert.Equal(t, http.StatusForbidden, p.status)
		has(t, p, "part of the premium plan")
		assert.True(t, s.live(secret))
		assert.Len(t, s.all(), before)

		b.post(list+"/"+string(token.ID)+"/revoke", nil)
		assert.False(t, s.live(secret))
	}
	assert.True(t, s.live(b.make(ofRepository, "job", "repository").secret()))
}
