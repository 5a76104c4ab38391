package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// Who may say where a repository lies can place any of them under a project that he has a token for. Only the tables may.
func TestNoRequestSaysInWhichProjectARepositoryLies(t *testing.T) {
	w := newWorld(t)
	_, web := w.issue(w.project("acme", "WEB").Resource(), hallpass.RepositoryAdmin, hallpass.RepositoryWrite, hallpass.ProjectRead)
	require.Equal(t, http.StatusOK, w.status("GET", "/2.0/repositories/acme/site", web, ""))
	for _, target := range []string{
		"/2.0/repositories/acme/api", "/2.0/repositories/acme/api?project=WEB", "/2.0/repositories/acme/api?In=WEB",
		"/2.0/repositories/acme/WEB%2fapi", "/2.0/repositories/acme/site%2f..%2fapi", "/2.0/repositories/acme%2fsite/api", "/2.0/repositories/ACME/site",
	} {
		assert.Equal(t, http.StatusForbidden, w.status("GET", target, web, ""), target)
	}
	// Nor by a body: neither may he pull the repository over, nor push his own into another project.
	assert.Equal(t, http.StatusForbidden, w.status("PUT", "/2.0/repositories/acme/api", web, `{"project": {"key": "WEB"}}`))
	assert.Equal(t, http.StatusForbidden, w.status("PUT", "/2.0/repositories/acme/site", web, `{"project": {"key": "CORE"}}`))
	assert.Equal(t, http.StatusForbidden, w.status("PUT", "/2.0/repositories/acme/site", web, `{"project": {"key": "NONE"}}`), "and does not learn which projects there are")
	_, all := w.issue(w.workspace("acme").Resource(), hallpass.RepositoryAdmin)
	assert.Equal(t, http.StatusNotFound, w.status("PUT", "/2.0/repositories/acme/site", all, `{"project": {"key": "NONE"}}`))
	assert.Equal(t, http.StatusForbidden, w.status("POST", "/2.0/repositories/acme/new", web, `{"project": {"key": "CORE"}}`))
	assert.Equal(t, http.StatusCreated, w.status("POST", "/2.0/repositories/acme/new", web, `{"project": {"key": "WEB"}}`))
	// Nor may a request that comes from what it cannot read.
	_, pulls := w.issue(w.project("acme", "WEB").Resource(), hallpass.PullRequestWrite)
	assert.Equal(t, http.StatusForbidden, w.status("POST", "/2.0/repositories/acme/site/pullrequests", pulls, `{"title": "Take", "source": {"repository": "api", "branch": "main"}}`))
	assert.Equal(t, http.StatusCreated, w.status("POST", "/2.0/repositories/acme/site/pullrequests", pulls, `{"title": "Fix", "source": {"branch": "fix"}}`))
}

func TestARepositoryThatMovesChangesHandsAtOnce(t *testing.T) {
	w := newWorld(t)
	_, core := w.issue(w.project("acme", "CORE").Resource(), hallpass.RepositoryRead)
	_, web := w.issue(w.project("acme", "WEB").Resource(), hallpass.RepositoryRead)
	_, own := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	_, all := w.issue(w.workspace("acme").Resource(), hallpass.RepositoryAdmin)
	api := func(secret string) int { return w.status("GET", "/2.0/repositories/acme/api", secret, "") }
	assert.Equal(t, []int{200, 403, 200}, []int{api(core), api(web), api(own)})
	require.Equal(t, http.StatusOK, w.status("PUT", "/2.0/repositories/acme/api", all, `{"project": {"key": "WEB"}}`))
	assert.Equal(t, []int{403, 200, 200}, []int{api(core), api(web), api(own)})
}

func TestAnotherTenantsTokenIsNotReached(t *testing.T) {
	w := newWorld(t)
	token, secret := w.issue(w.repository("globex", "api").Resource(), hallpass.RepositoryRead)
	for _, within := range []hallpass.Resource{w.workspace("acme").Resource(), w.repository("acme", "api").Resource(), w.project("acme", "CORE").Resource()} {
		assert.ErrorIs(t, w.Passes.Revoke(w.admin, within, token.ID), hallpass.ErrNotFound)
		_, _, err := w.Passes.Rotate(w.admin, within, token.ID, 0)
		assert.ErrorIs(t, err, hallpass.ErrNotFound)
	}
	assert.Equal(t, http.StatusOK, w.status("GET", "/2.0/repositories/globex/api", secret, ""))
	// Globex likes the same names. They are other things.
	assert.Equal(t, http.StatusForbidden, w.status("GET", "/2.0/repositories/acme/api", secret, ""))
}

func TestATokenMakesNoToken(t *testing.T) {
	w := newWorld(t)
	var everything []hallpass.Permission
	for d := range w.Passes.Catalog().Definitions() {
		if len(d.Kinds) > 0 {
			everything = append(everything, d.Permission)
		}
	}
	_, secret := w.issue(w.workspace("acme").Resource(), everything...)
	for _, method := range []string{"GET", "POST"} {
		answer := w.call(method, "/2.0/repositories/acme/api/access-tokens", secret, "{}")
		assert.Equal(t, http.StatusForbidden, answer.Code)
		assert.Contains(t, answer.Body.String(), `"required":["token:admin"]`)
	}
	// And if a route forgot its check, Policy would ask for the person who acts.
	token, err := w.Passes.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	_, _, err = w.Passes.Issue(hallpass.NewContext(t.Context(), token), hallpass.Grant{Name: "x", CreatedBy: "x", Resource: token.Resource, Permissions: everything})
	assert.ErrorIs(t, err, host.ErrNotAdmin)
}

func TestATokenIsNoPassword(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	for _, pair := range [][2]string{{"admin", secret}, {secret, secret}, {secret, w.password}, {"x-token-auth", secret}} {
		_, err := w.LogIn(t.Context(), pair[0], pair[1])
		assert.ErrorIs(t, err, host.ErrToken)
	}
	_, err := w.LogIn(t.Context(), "admin", w.password+"x")
	assert.ErrorIs(t, err, host.ErrWrongPassword)
	_, err = w.LogIn(t.Context(), "nobody", w.password)
	assert.ErrorIs(t, err, host.ErrWrongPassword)
	// Nor is a password a token.
	r := httptest.NewRequest("GET", "/2.0/user", nil)
	r.SetBasicAuth("admin", w.password)
	answer := httptest.NewRecorder()
	w.forge.ServeHTTP(answer, r)
	assert.Equal(t, http.StatusUnauthorized, answer.Code)
}

func TestATokenOfADeletedRepositoryIsDeadAndStaysSo(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	_, project := w.issue(w.project("acme", "CORE").Resource(), hallpass.RepositoryRead)
	_, all := w.issue(w.workspace("acme").Resource(), hallpass.RepositoryDelete, hallpass.RepositoryAdmin)
	gone := w.repository("acme", "api")
	require.Equal(t, http.StatusNoContent, w.status("DELETE", "/2.0/repositories/acme/api", all, ""))
	assert.NoDirExists(t, w.GitDir(gone))
	assert.Equal(t, http.StatusUnauthorized, w.status("GET", "/2.0/repositories/acme/api", secret, ""))
	assert.Equal(t, http.StatusForbidden, w.status("GET", "/2.0/repositories/acme/api", project, ""), "it is not in the project any more")
	// A new one of the same name is another repository.
	require.Equal(t, http.StatusCreated, w.status("POST", "/2.0/repositories/acme/api", all, `{"project": {"key": "CORE"}}`))
	assert.Equal(t, http.StatusUnauthorized, w.status("GET", "/2.0/repositories/acme/api", secret, ""))
	assert.Equal(t, http.StatusOK, w.status("GET", "/2.0/repositories/acme/api", project, ""))
	_, _, err := w.Passes.Issue(w.admin, hallpass.Grant{Name: "late", CreatedBy: "test", Resource: gone.Resource().Identity(), Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	assert.ErrorIs(t, err, host.ErrGone)
}

func TestTheFreePlanHasRepositoryTokensOnly(t *testing.T) {
	w := newWorld(t)
	w.issue(w.repository("globex", "api").Resource(), hallpass.RepositoryRead)
	for _, r := range []hallpass.Resource{w.project("globex", "CORE").Resource(), w.workspace("globex").Resource()} {
		_, _, err := w.Passes.Issue(w.admin, hallpass.Grant{Name: "x", CreatedBy: "test", Resource: r, Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
		assert.ErrorIs(t, err, host.ErrPremium)
	}
	// When the plan lapses, a token goes on, can be revoked, and is not replaced.
	token, secret := w.issue(w.project("acme", "CORE").Resource(), hallpass.RepositoryRead)
	require.NoError(t, w.SetPlan(t.Context(), w.workspace("acme"), "free"))
	assert.Equal(t, http.StatusOK, w.status("GET", "/2.0/repositories/acme/api", secret, ""))
	_, _, err := w.Passes.Rotate(w.admin, token.Resource, token.ID, 0)
	assert.ErrorIs(t, err, host.ErrPremium)
	require.NoError(t, w.Passes.Revoke(w.admin, token.Resource, token.ID))
	assert.Equal(t, http.StatusUnauthorized, w.status("GET", "/2.0/repositories/acme/api", secret, ""))
}

func TestAListShowsWhatTheTokenReaches(t *testing.T) {
	w := newWorld(t)
	names := func(target, secret string) (all []string) {
		var list struct{ Values []struct{ Slug, Key string } }
		answer := w.call("GET", target, secret, "")
		require.Equal(t, http.StatusOK, answer.Code)
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list))
		for _, v := range list.Values {
			all = append(all, v.Slug+v.Key)
		}
		return all
	}
	_, workspace := w.issue(w.workspace("acme").Resource(), hallpass.ProjectRead)
	_, project := w.issue(w.project("acme", "CORE").Resource(), hallpass.ProjectRead)
	_, repository := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	assert.Equal(t, []string{"api", "site", "worker"}, names("/2.0/repositories/acme", workspace))
	assert.Equal(t, []string{"api", "worker"}, names("/2.0/repositories/acme", project))
	assert.Equal(t, []string{"api"}, names("/2.0/repositories/acme", repository))
	assert.Equal(t, []string{"CORE", "WEB"}, names("/2.0/workspaces/acme/projects", workspace))
	assert.Equal(t, []string{"CORE"}, names("/2.0/workspaces/acme/projects", project))
	for _, secret := range []string{workspace, project, repository} {
		assert.Empty(t, names("/2.0/repositories/globex", secret))
		assert.Empty(t, names("/2.0/repositories/nobody", secret))
	}
}

func TestATokenInAURLIsNotRead(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.workspace("acme").Resource(), hallpass.RepositoryRead)
	for _, target := range []string{"/2.0/repositories/acme/api?access_token=" + secret, "http://x-token-auth:" + secret + "@forge.invalid/2.0/repositories/acme/api"} {
		answer := w.call("GET", target, "", "")
		assert.Equal(t, http.StatusUnauthorized, answer.Code, target)
		assert.NotContains(t, answer.Body.String(), secret)
	}
}

func TestABadBodyIsABadRequestThatSaysWhatIsRight(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.workspace("acme").Resource(), hallpass.RepositoryAdmin, hallpass.PullRequestWrite, hallpass.Webhook, hallpass.ProjectAdmin)
	for _, row := range [][3]string{
		{"POST", "/2.0/repositories/acme/new", `{"project": {"key": "CORE"}} {}`},
		{"POST", "/2.0/repositories/acme/new", `{"projekt": {"key": "CORE"}}`},
		{"POST", "/2.0/repositories/acme/new", ``},
		{"POST", "/2.0/repositories/acme/.git", `{"project": {"key": "CORE"}}`},
		{"POST", "/2.0/repositories/acme/api", `{"project": {"key": "CORE"}}`},
		{"POST", "/2.0/repositories/acme/api/hooks", `{"url": 1}`},
		{"POST", "/2.0/repositories/acme/api/hooks", `{"url": "` + strings.Repeat("x", 70<<10) + `"}`},
		{"POST", "/2.0/repositories/acme/api/pullrequests", `{"title": "Fix"}`},
		{"POST", "/2.0/repositories/acme/api/src", `{"branch": "--upload-pack=x", "path": "a", "message": "m"}`},
		{"POST", "/2.0/repositories/acme/api/src", `{"branch": "main", "path": "../a", "message": "m"}`},
		{"POST", "/2.0/repositories/acme/api/src", `{"branch": "main", "path": ".git/config", "message": "m"}`},
		{"POST", "/2.0/workspaces/acme/projects", `{"key": "core"}`},
	} {
		answer := w.call(row[0], row[1], secret, row[2])
		assert.Equal(t, http.StatusBadRequest, answer.Code, "%s %s: %s", row[0], row[1], answer.Body)
		assert.Contains(t, answer.Body.String(), `"message":`)
	}
	assert.Equal(t, http.StatusConflict, w.status("DELETE", "/2.0/workspaces/acme/projects/CORE", secret, ""), "repositories lie in it")
	assert.Equal(t, http.StatusNotFound, w.status("GET", "/2.0/repositories/acme/api/pullrequests/7", secret, ""))
	assert.Equal(t, http.StatusNotFound, w.status("GET", "/2.0/repositories/acme/api/pullrequests/x", secret, ""))
}
