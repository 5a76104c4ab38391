package bearer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// answer is what WriteError writes of err, to a request with these headers, in pairs.
func answer(err error, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	bearer.WriteError(w, r, err)
	return w
}

// denial is what hallpass says to a token with these permissions on repository acme/api.
func denial(t *testing.T, r hallpass.Resource, p hallpass.Permission, more ...hallpass.Permission) error {
	scope, err := hallpass.Bitbucket().Scope(hallpass.PullRequestWrite, hallpass.PipelineRead)
	require.NoError(t, err)
	err = hallpass.Authorize(hallpass.Token{ID: "id-of-token", Name: "deploy job", CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Scope: scope}, r, p, more...)
	require.ErrorIs(t, err, hallpass.ErrDenied)
	return err
}

const (
	message401      = "A valid access token is required: send it as a Bearer token, or from git as the password of the user x-token-auth."
	message403      = "The access token does not permit this request."
	message403Lacks = "The access token lacks a permission that this request needs."
	message403Reach = "The access token does not reach this resource."
	message404      = "There is no such resource."
	message503      = "Access tokens cannot be checked at the moment: try again in a few seconds."
)

func TestTheAnswerIsWhatTheStandardsSay(t *testing.T) {
	api := hallpass.Repository("acme", "api")
	lacks := denial(t, api, hallpass.RepositoryAdmin, hallpass.RepositoryRead, hallpass.Webhook)
	reach := denial(t, hallpass.Repository("acme", "secret-plan"), hallpass.RepositoryRead)
	both := denial(t, hallpass.Repository("acme", "secret-plan"), hallpass.RepositoryAdmin)
	nowhere := denial(t, hallpass.Repository("", ""), hallpass.RepositoryRead)
	const granted = `"granted":["pipeline","pullrequest:write"]`
	simple := func(message string) string { return `{"type":"error","error":{"message":"` + message + `"}}` }
	detailed := func(message, detail string) string {
		return `{"type":"error","error":{"message":"` + message + `","detail":{` + detail + `}}}`
	}
	const insufficient = `Bearer realm="hallpass", error="insufficient_scope"`
	for _, row := range []struct {
		name       string
		err        error
		presented  bool
		status     int
		challenges []string
		message    string
		json       string
	}{
		{"401 without a token has no error code", hallpass.ErrUnauthenticated, false, 401,
			[]string{`Bearer realm="hallpass"`}, message401, simple(message401)},
		{"401 with one is invalid_token", hallpass.ErrUnauthenticated, true, 401,
			[]string{`Bearer realm="hallpass", error="invalid_token"`}, message401, simple(message401)},
		{"401 that wraps a denial shows none of it", fmt.Errorf("%w: %w", hallpass.ErrUnauthenticated, lacks), true, 401,
			[]string{`Bearer realm="hallpass", error="invalid_token"`}, message401, simple(message401)},
		{"403 names all that is missing", lacks, true, 403,
			[]string{insufficient + `, scope="repository:admin webhook"`}, message403Lacks + "\nIt needs: repository:admin webhook",
			detailed(message403Lacks, `"required":["repository:admin","webhook"],`+granted)},
		{"403 that is wrapped is the same", fmt.Errorf("push: %w", lacks), true, 403,
			[]string{insufficient + `, scope="repository:admin webhook"`}, message403Lacks + "\nIt needs: repository:admin webhook",
			detailed(message403Lacks, `"required":["repository:admin","webhook"],`+granted)},
		{"403 out of reach says so and names no resource", reach, true, 403,
			[]string{insufficient}, message403Reach, detailed(message403Reach, `"required":[],`+granted)},
		{"403 for both reasons", both, true, 403,
			[]string{insufficient + `, scope="repository:admin"`}, message403Reach,
			detailed(message403Reach, `"required":["repository:admin"],`+granted)},
		{"403 of the zero Resource", nowhere, true, 403,
			[]string{insufficient}, message403Reach, detailed(message403Reach, `"required":[],`+granted)},
		{"403 of a zero Token has lists, not null", &hallpass.DeniedError{}, true, 403,
			[]string{insufficient}, message403, detailed(message403, `"required":[],"granted":[]`)},
		{"403 of the host has no detail", fmt.Errorf("%w: branch main is locked", hallpass.ErrDenied), true, 403,
			[]string{insufficient}, message403, simple(message403)},
		{"404", fmt.Errorf("row 17: %w", hallpass.ErrNotFound), true, 404, nil, message404, simple(message404)},
		{"503 that wraps a denial shows none of it", fmt.Errorf("%w: %w", hallpass.ErrUnavailable, lacks), true, 503,
			nil, message503, simple(message503)},
		{"500 that is no error of hallpass", errors.New("dial tcp 10.0.0.7:5432"), true, 500, nil, "internal error", simple("internal error")},
		{"500 of the host's mistake", hallpass.ErrInvalid, true, 500, nil, "internal error", simple("internal error")},
		{"500 of nil, and never 200", nil, true, 500, nil, "internal error", simple("internal error")},
	} {
		t.Run(row.name, func(t *testing.T) {
			var headers []string
			if row.presented {
				headers = []string{"Authorization", "Bearer " + example}
			}
			want := http.Header{
				"Cache-Control":          {"no-store"},
				"Vary":                   {"Authorization"},
				"X-Content-Type-Options": {"nosniff"},
				"Content-Type":           {"application/json"},
			}
			if row.challenges != nil {
				want["Www-Authenticate"] = row.challenges
			}
			if row.status == http.StatusServiceUnavailable {
				want["Retry-After"] = []string{"5"}
			}
			w := answer(row.err, "/repositories/acme/api", headers...)
			assert.Equal(t, row.status, w.Code)
			assert.Equal(t, want, w.Header())
			assert.Equal(t, row.json+"\n", w.Body.String())
			assert.True(t, json.Valid(w.Body.Bytes()))

			want["Content-Type"] = []string{"text/plain; charset=utf-8"}
			if row.status == http.StatusUnauthorized {
				want["Www-Authenticate"] = append(row.challenges, `Basic realm="hallpass"`)
			}
			w = answer(row.err, "/repositories/acme/api", append(headers, "User-Agent", "git/2.39.5")...)
			assert.Equal(t, row.status, w.Code, "git")
			assert.Equal(t, want, w.Header(), "git")
			assert.Equal(t, row.message+"\n", w.Body.String(), "git")
		})
	}
}

func TestAnAuthorizationHeaderOfAnyKindIsAnInvalidToken(t *testing.T) {
	for _, values := range [][]string{{""}, {"Bearer"}, {"Token x"}, {"Bearer a", "Bearer b"}, {basic("user-1", "a password")}} {
		var headers []string
		for _, v := range values {
			headers = append(headers, "Authorization", v)
		}
		w := answer(hallpass.ErrUnauthenticated, "/", headers...)
		assert.Equal(t, []string{`Bearer realm="hallpass", error="invalid_token"`}, w.Header()["Www-Authenticate"], "%q", values)
	}
	for _, headers := range [][]string{{}, {"Cookie", "Authorization=Bearer a"}, {"Proxy-Authorization", "Bearer a"}, {"X-Authorization", "Bearer a"}} {
		w := answer(hallpass.ErrUnauthenticated, "/?access_token=a", headers...)
		assert.Equal(t, []string{`Bearer realm="hallpass"`}, w.Header()["Www-Authenticate"], "%q", headers)
	}
}

func TestGitIsKnownByItsNameOrByThePath(t *testing.T) {
	for _, row := range []struct {
		name, path, agent string
		git               bool
	}{
		{"git", "/", "git/2.39.5", true},
		{"git of Apple", "/", "git/2.39.5 (Apple Git-154)", true},
		{"info/refs", "/acme/api.git/info/refs?service=git-upload-pack", "JGit/6.10", true},
		{"upload-pack", "/acme/api.git/git-upload-pack", "", true},
		{"receive-pack", "/acme/api.git/git-receive-pack", "go-git/5.x", true},
		{"curl", "/repositories/acme/api", "curl/8.5.0", false},
		{"no name", "/repositories/acme/api", "", false},
		{"git elsewhere in the name", "/", "my git/1.0", false},
		{"a name that begins like git", "/", "github-cli/2.0", false},
		{"the path of git in the middle", "/acme/api.git/info/refs/heads", "", false},
		{"the path of git in the query", "/repositories?path=/info/refs", "", false},
		{"a name that ends like the path of git", "/acme/my-git-upload-pack", "", false},
		{"a name that ends like refs", "/acme/myinfo/refs", "", false},
		{"another that ends like the path of git", "/acme/my-git-receive-pack", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := answer(hallpass.ErrUnauthenticated, row.path, "User-Agent", row.agent)
			if row.git {
				assert.Equal(t, []string{`Bearer realm="hallpass"`, `Basic realm="hallpass"`}, w.Header()["Www-Authenticate"])
				assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
				return
			}
			assert.Equal(t, []string{`Bearer realm="hallpass"`}, w.Header()["Www-Authenticate"], "a browser would ask for a password")
			assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		})
	}
}

func TestNoCacheMayStoreTheAnswer(t *testing.T) {
	for _, err := range []error{nil, hallpass.ErrUnauthenticated, hallpass.ErrDenied, hallpass.ErrNotFound, hallpass.ErrUnavailable, hallpass.ErrInvalid} {
		for _, before := range [][]string{nil, {"Accept-Encoding"}, {"Authorization"}, {"Accept-Encoding", "Authorization"}} {
			w := httptest.NewRecorder()
			w.Header().Set("Cache-Control", "public, max-age=600, must-revalidate")
			for _, v := range before {
				w.Header().Add("Vary", v)
			}
			bearer.WriteError(w, httptest.NewRequest(http.MethodGet, "/", nil), err)
			assert.Equal(t, []string{"no-store"}, w.Header()["Cache-Control"], "%v", err)
			if len(before) == 0 || before[len(before)-1] != "Authorization" {
				before = append(before, "Authorization")
			}
			assert.Equal(t, before, w.Header()["Vary"], "added, once, to what the host has said")
		}
	}
}

func TestHeadersOfAnotherBodyDoNotStay(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("WWW-Authenticate", `Basic realm="another"`)
		bearer.WriteError(w, r, hallpass.ErrUnauthenticated)
	}))
	t.Cleanup(server.Close)
	status, body := exchange(t, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	assert.Equal(t, 401, status)
	assert.Equal(t, `{"type":"error","error":{"message":"`+message401+`"}}`+"\n", body, "the whole of it")
	response, err := http.Get(server.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, []string{"application/json"}, response.Header["Content-Type"])
	assert.Equal(t, []string{`Bearer realm="hallpass"`}, response.Header["Www-Authenticate"])
}

func TestAPermissionThatNoCatalogPermitsCannotEndTheQuotedString(t *testing.T) {
	for _, bad := range []hallpass.Permission{`a"`, `a", error="x`, `a\`, "a\r\nSet-Cookie: b=c", "a\nb", "a b", "", "a,b", "é"} {
		err := &hallpass.DeniedError{Missing: []hallpass.Permission{hallpass.RepositoryRead, bad}}
		w := answer(err, "/")
		assert.Equal(t, []string{`Bearer realm="hallpass", error="insufficient_scope"`}, w.Header()["Www-Authenticate"], "%q", bad)
		var body struct {
			Error struct {
				Detail struct{ Required []hallpass.Permission }
			}
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		assert.Equal(t, err.Missing, body.Error.Detail.Required)
		assert.Equal(t, message403Lacks+"\n", answer(err, "/info/refs").Body.String())
	}
}

func TestNoAnswerShowsASecretAnErrorOrAResource(t *testing.T) {
	const internals = "pq: password authentication failed for user hallpass at 10.0.0.7"
	scope, err := hallpass.Bitbucket().Scope(hallpass.RepositoryRead)
	require.NoError(t, err)
	denied := &hallpass.DeniedError{
		Token:      hallpass.Token{ID: "id-of-token", Name: "deploy job", CreatedBy: "user-1", Resource: hallpass.Project("acme", "core"), Scope: scope},
		Resource:   hallpass.Repository("umbrella", "secret-plan").In("black-ops"),
		Missing:    []hallpass.Permission{hallpass.RepositoryWrite},
		OutOfReach: true,
	}
	hidden := []string{internals, "pq:", "10.0.0.7", example, "hp_", encode("x-token-auth:" + example), "id-of-token", "deploy job", "user-1",
		"acme", "core", "umbrella", "secret-plan", "black-ops", "row 17", "hallpass: "}
	for _, sentinel := range []error{errors.New("row 17"), hallpass.ErrUnauthenticated, hallpass.ErrDenied, denied, hallpass.ErrNotFound,
		hallpass.ErrUnavailable, hallpass.ErrInvalid, hallpass.ErrTampered} {
		err := fmt.Errorf("row 17: %w: %s %s", sentinel, internals, example)
		for _, credentials := range []string{"Bearer " + example, basic("x-token-auth", example)} {
			for _, agent := range []string{"curl/8.5.0", "git/2.39.5"} {
				w := answer(err, "/umbrella/secret-plan/"+example+"?access_token="+example, "Authorization", credentials, "User-Agent", agent,
					"Cookie", "access_token="+example)
				var all strings.Builder
				require.NoError(t, w.Result().Write(&all))
				for _, h := range hidden {
					assert.NotContains(t, all.String(), h, "%v", sentinel)
				}
			}
		}
	}
}
