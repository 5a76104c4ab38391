package git_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/bearer/bearertest"
	"github.com/hallpass-go/hallpass/examples/forge/git"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

const (
	sentence401   = "remote: A valid access token is required: send it as a Bearer token, or from git as the password of the user x-token-auth."
	sentenceLacks = "remote: The access token lacks a permission that this request needs."
	sentenceReach = "remote: The access token does not reach this resource."
)

func TestATokenThatReadsDoesNotPush(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	reader := w.secret(t, w.api.Resource(), hallpass.RepositoryRead)
	before := w.head(t, w.api, "main")
	commit(t, dir, "more", 10)
	out, err := try(t, dir, "push", w.as(reader, "acme/api.git"), "main")
	require.Error(t, err)
	assert.Contains(t, out, sentenceLacks)
	assert.Contains(t, out, "remote: It needs: repository:write")

	response, _ := w.get(t, reader, "acme/api/info/refs?service=git-receive-pack")
	assert.Equal(t, http.StatusForbidden, response.StatusCode, "what there is")
	response, _ = w.send(t, http.MethodPost, reader, "acme/api/git-receive-pack", nil, "Content-Type", "application/x-git-receive-pack-request")
	assert.Equal(t, http.StatusForbidden, response.StatusCode, "the push itself")
	assert.Equal(t, before, w.head(t, w.api, "main"))
}

func TestATokenOfOtherPermissionsDoesNotRead(t *testing.T) {
	w, _, _ := pushed(t, git.Options{})
	secret := w.secret(t, w.api.Resource(), hallpass.PipelineWrite)
	out, err := try(t, t.TempDir(), "clone", w.as(secret, "acme/api.git"), ".")
	require.Error(t, err)
	assert.Contains(t, out, sentenceLacks)
	response, _ := w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", nil, "Content-Type", "application/x-git-upload-pack-request")
	assert.Equal(t, http.StatusForbidden, response.StatusCode)
}

func TestGitShowsThatATokenIsNotGood(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	gone, revoked := w.issue(t, w.api.Resource(), hallpass.RepositoryWrite)
	err := w.Passes.Revoke(t.Context(), w.api.Resource(), gone.ID)
	require.NoError(t, err)
	for name, user := range map[string]string{
		"no token":        "",
		"a bad token":     "x-token-auth:" + secret[:len(secret)-1],
		"a revoked token": "x-token-auth:" + revoked,
		"another user":    "someone:" + secret,
		"a token as user": secret + ":",
	} {
		for _, args := range [][]string{{"ls-remote", w.url(user, "acme/api.git")}, {"push", w.url(user, "acme/api.git"), "main:other"}} {
			out, err := try(t, dir, args...)
			require.Error(t, err, name)
			if user != "" { // without one git has nothing to try and asks for it, which shows nothing
				assert.Contains(t, out, sentence401, name)
			}
		}
	}
	assert.Empty(t, w.head(t, w.api, "other"))
	response, body := w.get(t, "", "acme/api/info/refs?service=git-upload-pack")
	assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
	assert.Equal(t, sentence401[len("remote: "):]+"\n", body)
	assert.Equal(t, []string{`Bearer realm="forge"`, `Basic realm="forge"`}, response.Header.Values("WWW-Authenticate"))
}

func TestARevokedTokenStopsAtOnce(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	token, secret := w.issue(t, w.api.Resource(), hallpass.RepositoryWrite)
	run(t, dir, "ls-remote", w.as(secret, "acme/api"))
	err := w.Passes.Revoke(t.Context(), w.api.Resource(), token.ID)
	require.NoError(t, err)
	out, err := try(t, dir, "ls-remote", w.as(secret, "acme/api"))
	require.Error(t, err)
	assert.Contains(t, out, sentence401)
}

func TestOneTokenIsPresentedInOneWay(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	basic := base64.StdEncoding.EncodeToString([]byte("x-token-auth:" + secret))
	ask := func(target, headers string) int {
		status, _ := w.raw(t, "GET "+target+" HTTP/1.1\r\nHost: forge\r\n"+headers+"\r\n")
		return status
	}
	refs := "/git/acme/api/info/refs?service=git-upload-pack"
	require.Equal(t, 200, ask(refs, "Authorization: Basic "+basic+"\r\n"))
	require.Equal(t, 200, ask(refs, "authorization: bearer "+secret+"\r\n"))
	for name, headers := range map[string]string{
		"two headers":           "Authorization: Bearer " + secret + "\r\nAuthorization: Bearer " + secret + "\r\n",
		"two forms":             "Authorization: Bearer " + secret + "\r\nAuthorization: Basic " + basic + "\r\n",
		"joined by a comma":     "Authorization: Bearer " + secret + ", Bearer " + secret + "\r\n",
		"base64 without an end": "Authorization: Basic " + trimPadding(basic) + "\r\n",
		"base64 with more":      "Authorization: Basic " + basic + "=\r\n",
		"two spaces":            "Authorization: Bearer  " + secret + "\r\n",
		"another header":        "X-Access-Token: " + secret + "\r\n",
		"a cookie":              "Cookie: access_token=" + secret + "\r\n",
	} {
		assert.Equal(t, 401, ask(refs, headers), name)
	}
	for _, parameter := range []string{"access_token", "private_token", "token"} {
		assert.Equal(t, 401, ask(refs+"&"+parameter+"="+secret, ""), parameter)
		assert.Equal(t, 401, ask("/git/acme/api/info/refs?"+parameter+"="+secret, ""), parameter)
	}
}

// trimPadding makes base64 that has no canonical end, whatever the length of the token was.
func trimPadding(encoded string) string {
	if last := len(encoded) - 1; encoded[last] == '=' {
		return encoded[:last]
	}
	return encoded[:len(encoded)-1]
}

func TestOnlyTheRequestsOfGitAreAnswered(t *testing.T) {
	w, secret, _ := pushed(t, git.Options{})
	for _, query := range []string{
		"", "?", "?service", "?service=", "?service=git-upload-archive", "?service=upload-pack", "?service=git-upload-pack&service=git-upload-pack",
		"?service=git-upload-pack&service=git-receive-pack", "?service=git-upload-pack&x=y", "?x=y&service=git-upload-pack", "?service=git-upload-pack&",
		"?service=git%2Dupload-pack", "?service=git-upload-pack;service=git-receive-pack", "?SERVICE=git-upload-pack", "?service=git-upload-pack%00",
	} {
		response, body := w.get(t, secret, "acme/api/info/refs"+query)
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, query)
		assert.Contains(t, body, "smart protocol", query)
	}
	for _, service := range []string{"git-upload-pack", "git-receive-pack"} {
		kind := "application/x-" + service + "-request"
		for _, c := range []struct {
			query   string
			headers []string
			status  int
		}{
			{"", []string{"Content-Type", kind}, 200},
			{"?service=" + service, []string{"Content-Type", kind}, 400},
			{"?", []string{"Content-Type", kind}, 200}, // which is no query
			{"", nil, 415},
			{"", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
			{"", []string{"Content-Type", kind + "; charset=utf-8"}, 415},
			{"", []string{"Content-Type", kind, "Content-Type", kind}, 415},
			{"", []string{"Content-Type", kind, "Content-Encoding", "br"}, 415},
			{"", []string{"Content-Type", kind, "Content-Encoding", "gzip, gzip"}, 415},
			{"", []string{"Content-Type", kind, "Content-Encoding", "gzip", "Content-Encoding", "gzip"}, 415},
		} {
			response, _ := w.send(t, http.MethodPost, secret, "acme/api/"+service+c.query, flush(), c.headers...)
			assert.Equal(t, c.status, response.StatusCode, "%s %s %v", service, c.query, c.headers)
		}
		response, _ := w.get(t, secret, "acme/api/"+service)
		assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)
	}
	response, body := w.send(t, http.MethodPost, secret, "acme/api/git-receive-pack", flush(), "Content-Type", "application/x-git-receive-pack-request", "Content-Encoding", "gzip")
	assert.Equal(t, http.StatusUnsupportedMediaType, response.StatusCode)
	assert.Contains(t, body, "Content-Encoding")
	response, _ = w.send(t, http.MethodPost, secret, "acme/api/git-upload-pack", flush(), "Content-Type", "application/x-git-upload-pack-request", "Content-Encoding", "gzip")
	assert.Equal(t, http.StatusBadRequest, response.StatusCode, "gzip that is none")
}

// Scripts read JSON, and git shows its user a sentence.
func TestCurlGetsJSONFromTheAPIAndTextFromGit(t *testing.T) {
	curl := tool(t, "curl")
	w, _, _ := pushed(t, git.Options{})
	load := func(r *http.Request) (host.Repository, error) {
		return w.Repository(r.Context(), r.PathValue("workspace"), r.PathValue("repository"))
	}
	bearer.Handle(w.mux, "GET /api/{workspace}/{repository}", bearer.On(load, host.Repository.Resource).Needs(hallpass.RepositoryWrite),
		func(w http.ResponseWriter, r *http.Request, _ host.Repository) { io.WriteString(w, "{}") })
	reader := w.secret(t, w.api.Resource(), hallpass.RepositoryRead)
	ask := func(path string, args ...string) string {
		out, err := exec.CommandContext(t.Context(), curl, append([]string{"-q", "-s", "--noproxy", "*", "-w", "%{http_code} %{content_type}", "-o", "/dev/null", w.server.URL + path}, args...)...).Output()
		require.NoError(t, err)
		return string(out)
	}
	header := []string{"-H", "Authorization: Bearer " + reader}
	assert.Equal(t, "401 application/json", ask("/api/acme/api"))
	assert.Equal(t, "403 application/json", ask("/api/acme/api", header...))
	assert.Equal(t, "401 text/plain; charset=utf-8", ask("/git/acme/api/info/refs?service=git-receive-pack"))
	assert.Equal(t, "403 text/plain; charset=utf-8", ask("/git/acme/api/info/refs?service=git-receive-pack", header...))
	assert.Equal(t, "403 text/plain; charset=utf-8", ask("/git/acme/api/git-receive-pack", append(header, "-X", "POST")...))
}

func TestNoRouteForgetsTheCheck(t *testing.T) {
	w := open(t, git.Options{})
	bearertest.Walk{
		Authority: w.Passes,
		Routes:    w.mux.Routes(),
		Handler:   w.mux,
		Values:    map[string]string{"workspace": "acme", "repository": "api.git"},
		Inside:    w.acme.Resource(),
		Outside:   w.globex.Resource(),
		Issue: func(t testing.TB, r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret) {
			token, secret, err := w.Passes.Issue(w.asAdmin, hallpass.Grant{Name: "walk", CreatedBy: "test", Resource: r, Permissions: permissions})
			require.NoError(t, err)
			return token, secret
		},
	}.Run(t)
	assert.Equal(t, `GET /git/{workspace}/{repository}/info/refs: repository
POST /git/{workspace}/{repository}/git-upload-pack: repository
POST /git/{workspace}/{repository}/git-receive-pack: repository:write
`, bearertest.Table(w.mux.Routes()))
}
