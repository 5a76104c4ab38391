package git_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/git"
)

const refs = "/info/refs?service=git-upload-pack"

// Whoever holds a token of one repository cannot find out which others there are.
func TestWhatIsOutOfReachLooksLikeWhatIsNotThere(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	require.Equal(t, http.StatusOK, status(w.get(t, secret, "acme/api"+refs)))
	var answers []string
	for _, path := range []string{"acme/site", "acme/site.git", "acme/nothing", "globex/api", "globex/nothing", "nowhere/api", "acme/" + w.site.ID, w.acme.ID + "/api"} {
		response, body := w.get(t, secret, path+refs)
		response.Header.Del("Date")
		answers = append(answers, response.Status+"\n"+strings.Join(response.Header.Values("WWW-Authenticate"), "\n")+"\n"+body)
		assert.Len(t, response.Header, 6, "%v", response.Header)
	}
	for _, a := range answers {
		assert.Equal(t, answers[0], a)
	}
	assert.Contains(t, answers[0], "403 Forbidden")
	for _, path := range []string{"acme/site", "acme/nothing"} {
		out, err := try(t, dir, "push", w.as(secret, path), "main")
		require.Error(t, err)
		assert.Contains(t, out, sentenceReach)
	}
	// Who reaches the workspace may know.
	response, body := w.get(t, w.secret(t, w.acme.Resource(), hallpass.RepositoryRead), "acme/nothing"+refs)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Equal(t, "There is no such resource.\n", body)
}

func TestAProjectTokenReachesWhatLiesThereNow(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	secret := w.secret(t, w.core.Resource(), hallpass.RepositoryWrite)
	url := w.as(secret, "acme/api.git")
	commit(t, dir, "two", 10)
	run(t, dir, "push", url, "main")
	require.Equal(t, http.StatusForbidden, status(w.get(t, secret, "acme/site"+refs)), "another project")

	require.NoError(t, w.ChangeRepository(t.Context(), w.api, w.web, ""))
	before := w.head(t, w.api, "main")
	commit(t, dir, "three", 10)
	for _, args := range [][]string{{"push", url, "main"}, {"ls-remote", url}} {
		out, err := try(t, dir, args...)
		require.Error(t, err)
		assert.Contains(t, out, sentenceReach)
	}
	assert.Equal(t, before, w.head(t, w.api, "main"))

	require.NoError(t, w.ChangeRepository(t.Context(), w.site, w.core, ""))
	run(t, dir, "push", w.as(secret, "acme/site.git"), "main")
}

func TestATokenEndsWithItsRepository(t *testing.T) {
	w, secret, dir := pushed(t, git.Options{})
	require.NoError(t, w.DeleteRepository(t.Context(), w.api))
	out, err := try(t, dir, "ls-remote", "origin")
	require.Error(t, err)
	assert.Contains(t, out, sentence401)
	// A repository of the same name is another one.
	_, err = w.AddRepository(t.Context(), w.core, "api", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, status(w.get(t, secret, "acme/api"+refs)))
}

// Where a repository lies is what the database says. Nothing in a request changes that.
func TestNoRequestSaysWhereARepositoryLies(t *testing.T) {
	w, _, _ := pushed(t, git.Options{})
	project := w.secret(t, w.web.Resource(), hallpass.RepositoryRead)
	theirs := w.secret(t, w.globex.Resource(), hallpass.RepositoryWrite)
	require.Equal(t, http.StatusOK, status(w.get(t, project, "acme/site"+refs)))
	require.Equal(t, http.StatusOK, status(w.get(t, theirs, "globex/api"+refs)))
	for path, want := range map[string]int{
		"acme/api" + refs: http.StatusForbidden,
		"acme/api" + refs + "&project=WEB&workspace=globex": http.StatusForbidden,
		"acme/api/info/refs?project=" + w.web.ID:            http.StatusForbidden,
		"acme/WEB/api" + refs:                               http.StatusNotFound, // no route
		"globex/acme/api" + refs:                            http.StatusNotFound,
		"acme/api/api" + refs:                               http.StatusNotFound,
		"globex%2f..%2facme/api" + refs:                     http.StatusForbidden,
		"acme/api.git/x/info/refs?service=git-upload-pack":  http.StatusNotFound,
		"acme/site" + refs + "&project=" + w.core.ID:        0,
		"ACME/api" + refs:                                   http.StatusForbidden,
		"acme/API" + refs:                                   http.StatusForbidden,
	} {
		for name, secret := range map[string]string{"a project token": project, "another workspace": theirs} {
			response, body := w.send(t, http.MethodGet, secret, path, nil, "X-Project", w.core.ID, "X-Original-URL", "/git/acme/site"+refs, "X-Forwarded-Prefix", "/git/globex")
			if want != 0 {
				assert.Equal(t, want, response.StatusCode, "%s %s", name, path)
			}
			assert.NotEqual(t, http.StatusOK, response.StatusCode, "%s %s", name, path)
			assert.NotContains(t, body, "refs/heads/main", "%s %s", name, path)
		}
	}
}

// All these come as they are: a client would tidy them up.
func TestNoPathLeadsOutOfARepository(t *testing.T) {
	w, _, dir := pushed(t, git.Options{})
	// A repository that no row names, next to the others and above them.
	for _, stray := range []string{w.GitRoot() + "/stray.git", w.dir + "/stray.git"} {
		run(t, w.dir, "init", "--quiet", "--bare", stray)
		run(t, dir, "push", "--quiet", stray, "main:stray")
	}
	secret := w.secret(t, w.acme.Resource(), hallpass.RepositoryWrite, hallpass.RepositoryAdmin)
	ask := func(method, target, more string) (int, string) {
		return w.raw(t, method+" "+target+" HTTP/1.1\r\nHost: forge\r\nAuthorization: Bearer "+secret+"\r\n"+more+"\r\n")
	}
	code, body := ask("GET", "/git/acme/api.git"+refs, "")
	require.Equal(t, 200, code)
	require.Contains(t, body, "refs/heads/main")

	id := w.theirs.ID
	for _, repository := range []string{
		"..", "%2e%2e", ".", "%2e", "../stray", "..%2fstray", "..%2Fstray.git", "%2e%2e%2fstray.git", "%2e%2e/stray.git", "..%5cstray", "..\\stray", "stray", "stray.git",
		"../../stray.git", "api.git/../stray.git", "api.git%2f..%2fstray.git", "api%2f..%2fstray", "api.git.git", "api.git%2egit", "api%00", "api.git%00", "%00", "api%00.git", "stray.git%00",
		"/api", "//api", "api/", "%2f", "%2fapi", "%252e%252e%252fstray", "..;/stray", "..%c0%afstray", id, id + ".git", w.api.ID, w.api.ID + ".git", "../globex/api",
		"", "*", "~", "api%20", "api%0a", "api%0d%0aStatus:%20200", "%", "%zz", "a%ff", strings.Repeat("a", 5000), "-c", "--upload-pack=touch%20x",
	} {
		for _, request := range []struct{ method, tail, more string }{
			{"GET", refs, ""},
			{"POST", "/git-upload-pack", "Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\n\r\n0000"},
		} {
			code, body := ask(request.method, "/git/acme/"+repository+request.tail, request.more)
			assert.Contains(t, []int{301, 307, 400, 403, 404, 405}, code, "%s %q", request.method, repository)
			assert.NotContains(t, body, "refs/", repository)
		}
	}
	for _, target := range []string{
		"/git/acme/api.git/HEAD", "/git/acme/api.git/objects/info/packs", "/git/acme/api.git/config", "/git/acme/api.git/info/refs/", "/git/acme/api.git/info%2frefs?service=git-upload-pack",
		"/git/acme/api.git/hooks/update.sample", "/git/../forge.db", "/git/acme/../../key", "/git/", "/git", "git/acme/api" + refs, "/git/acme/api.git/git-upload-archive", "*",
	} {
		code, body := ask("GET", target, "")
		assert.Contains(t, []int{301, 307, 400, 404, 405}, code, target)
		assert.NotContains(t, body, "refs/heads", target)
	}
	files, err := os.ReadDir(w.GitRoot())
	require.NoError(t, err)
	assert.Len(t, files, 4, "three repositories and the stray one")
}

func status(response *http.Response, _ string) int { return response.StatusCode }

// flush is the whole of a request that wants nothing.
func flush() *strings.Reader { return strings.NewReader("0000") }
