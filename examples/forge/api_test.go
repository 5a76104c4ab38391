package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// What a CI job does in a day, with one token.
func TestAJobCommitsBranchesAndOpensAPullRequestInItsOwnName(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.repository("acme", "api").Resource(), hallpass.PullRequestWrite, hallpass.PipelineWrite, hallpass.PipelineRead)
	const api = "/2.0/repositories/acme/api"
	require.Equal(t, http.StatusCreated, w.status("POST", api+"/refs/branches", secret, `{"name": "fix/one", "from": "main"}`))
	require.Equal(t, http.StatusConflict, w.status("POST", api+"/refs/branches", secret, `{"name": "fix/one", "from": "main"}`))
	require.Equal(t, http.StatusNotFound, w.status("POST", api+"/refs/branches", secret, `{"name": "fix/two", "from": "nothing"}`))
	require.Equal(t, http.StatusCreated, w.status("POST", api+"/src", secret, `{"branch": "main", "path": "docs/a.txt", "content": "hello\n", "message": "Say hello"}`))
	assert.Equal(t, "hello\n", w.call("GET", api+"/src/docs/a.txt", secret, "").Body.String())
	assert.Contains(t, w.call("GET", api+"/src/docs", secret, "").Body.String(), `["a.txt"]`)
	assert.Equal(t, http.StatusNotFound, w.status("GET", api+"/src/docs/b.txt", secret, ""))
	assert.Contains(t, w.call("GET", api+"/commits", secret, "").Body.String(), "Say hello")
	assert.Contains(t, w.call("GET", api+"/refs/branches", secret, "").Body.String(), `["fix/one","main"]`)

	answer := w.call("POST", api+"/pullrequests", secret, `{"title": "Fix", "source": {"branch": "fix/one"}}`)
	require.Equal(t, http.StatusCreated, answer.Code)
	var opened struct {
		ID        int64
		CreatedBy string `json:"created_by"`
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &opened))
	assert.Equal(t, "job", opened.CreatedBy, "what a token does is done in its name")
	assert.Equal(t, http.StatusCreated, w.status("POST", api+"/pullrequests/1/comments", secret, `{"content": "Looks good"}`))
	assert.Equal(t, http.StatusNotFound, w.status("POST", api+"/pullrequests/2/comments", secret, `{"content": "Looks good"}`))
	assert.Contains(t, w.call("POST", api+"/pullrequests/1/merge", secret, "").Body.String(), `"state":"MERGED"`)
	assert.Contains(t, w.call("POST", api+"/pipelines", secret, `{"target": "main"}`).Body.String(), `"state":"RUNNING"`)
	assert.Equal(t, http.StatusNoContent, w.status("DELETE", api+"/refs/branches/fix/one", secret, ""))
	assert.Equal(t, http.StatusNotFound, w.status("DELETE", api+"/refs/branches/fix/one", secret, ""))
}

// The number of an item says nothing of where it lies: a token is not let near one of another repository by way of its own.
func TestAnItemIsFoundInItsOwnPlaceOnly(t *testing.T) {
	w := newWorld(t)
	_, api := w.issue(w.repository("acme", "api").Resource(), hallpass.Webhook, hallpass.RepositoryRead)
	_, site := w.issue(w.repository("acme", "site").Resource(), hallpass.Webhook, hallpass.PullRequestWrite)
	require.Contains(t, w.call("POST", "/2.0/repositories/acme/api/hooks", api, `{"url": "https://example.com"}`).Body.String(), `"id":1`)
	assert.Equal(t, http.StatusNotFound, w.status("DELETE", "/2.0/repositories/acme/site/hooks/1", site, ""))
	assert.Equal(t, http.StatusNotFound, w.status("POST", "/2.0/repositories/acme/site/pullrequests/1/merge", site, ""), "nor in another collection")
	assert.Equal(t, http.StatusForbidden, w.status("DELETE", "/2.0/repositories/acme/api/hooks/1", site, ""))
	assert.Equal(t, http.StatusNoContent, w.status("DELETE", "/2.0/repositories/acme/api/hooks/1", api, ""))
}

func TestTheAuditLogTellsWhoDidWhatAndShowsNoSecret(t *testing.T) {
	w := newWorld(t)
	token, secret := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	for range 3 {
		w.status("GET", "/2.0/repositories/acme/api", secret, "")
	}
	w.status("DELETE", "/2.0/repositories/acme/api", secret, "")
	w.status("GET", "/2.0/repositories/acme/site", secret, "")
	require.NoError(t, w.Passes.Revoke(w.admin, token.Resource, token.ID))
	w.status("GET", "/2.0/repositories/acme/api", secret, "")

	var kinds []string
	require.Eventually(t, func() bool {
		entries, err := w.Audit(t.Context(), w.workspace("acme"), 0, 100)
		require.NoError(t, err)
		kinds = nil
		for _, e := range entries {
			if e.Token == string(token.ID) {
				kinds = append(kinds, strings.Join(strings.Fields(e.Kind+" "+e.Reason+" "+e.Permissions), " "))
				assert.Equal(t, "job", e.Name)
			}
			assert.NotContains(t, fmt.Sprint(e), secret)
		}
		return len(kinds) == 6
	}, 5*time.Second, 10*time.Millisecond)
	assert.Equal(t, []string{"rejected revoked", "revoked", "denied repository", "denied repository:delete", "allowed repository", "issued repository"}, kinds,
		"newest first, and what is allowed once a minute")
}
