package web_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

func TestRotationGivesANewSecretAndEndsTheOldOne(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	old, secret := s.issue("deploy job", s.repository.Resource(), hallpass.RepositoryRead)
	path := ofRepository + "/" + string(old.ID) + "/rotate"
	p := b.get(path)
	has(t, p, "deploy job", string(old.ID), "When does the old token stop?")
	require.True(t, s.live(secret), "looking changes nothing")

	p = b.post(path, form("overlap", "now"))
	assert.False(t, s.live(secret))
	assert.True(t, s.live(p.secret()))
	has(t, p, string(old.ID), "has stopped")
	assert.Equal(t, http.StatusGone, b.get(p.path).status)
	fresh, err := s.Passes.Authenticate(t.Context(), p.secret())
	require.NoError(t, err)
	assert.Equal(t, old.ID, fresh.Replaces)
	assert.Equal(t, old.Scope, fresh.Scope)
}

func TestAnOldTokenGoesOnForTheOverlapThatWasChosen(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	for overlap, hours := range map[string]float64{"1h": 1, "24h": 24, "7d": 7 * 24} {
		old, secret := s.issue("job", s.repository.Resource(), hallpass.RepositoryRead)
		p := b.post(ofRepository+"/"+string(old.ID)+"/rotate", form("overlap", overlap))
		assert.True(t, s.live(secret))
		assert.True(t, s.live(p.secret()))
		has(t, p, "goes on until")
		now, err := s.Passes.Get(t.Context(), old.Resource, old.ID)
		require.NoError(t, err)
		fresh, err := s.Passes.Get(t.Context(), old.Resource, now.ReplacedBy)
		require.NoError(t, err)
		assert.InDelta(t, hours, now.RevokedAt.Sub(fresh.CreatedAt).Hours(), 0.01)
		has(t, b.get(ofRepository), "Ends at", "Replaced by <code>"+string(fresh.ID))

		again := b.post(ofRepository+"/"+string(old.ID)+"/rotate", form("overlap", overlap))
		assert.Equal(t, http.StatusConflict, again.status)
		has(t, again, "This token was rotated before", string(fresh.ID))
	}
}

func TestARotationSaysWhenTheOldTokenStops(t *testing.T) {
	s := open(t)
	old, secret := s.issue("job", s.repository.Resource(), hallpass.RepositoryRead)
	for _, overlap := range []string{"", "-1h", "8760h"} {
		p := s.as("admin").post(ofRepository+"/"+string(old.ID)+"/rotate", form("overlap", overlap))
		assert.Equal(t, http.StatusUnprocessableEntity, p.status)
		has(t, p, "Choose when the old token stops.")
	}
	assert.True(t, s.live(secret))
	assert.Len(t, s.all(), 1)
}

func TestRevocationEndsATokenAfterAQuestion(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	token, secret := s.issue("deploy job", s.project.Resource(), hallpass.ProjectRead)
	path := ofProject + "/" + string(token.ID) + "/revoke"
	p := b.get(path)
	has(t, p, "deploy job", string(token.ID), "stops at once", "<form method=\"post\" action=\""+path)
	require.True(t, s.live(secret), "a link revokes nothing")
	p = b.post(path, nil)
	assert.Equal(t, ofProject, p.path)
	assert.False(t, s.live(secret))
	has(t, p, "“deploy job” was revoked.")
	lacks(t, b.get(ofProject), "was revoked", string(token.ID))
}

func TestWhatSomebodyElseRevokedMeanwhileIsSaid(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	token, _ := s.issue("deploy job", s.repository.Resource(), hallpass.RepositoryRead)
	path := ofRepository + "/" + string(token.ID)
	require.NoError(t, s.Passes.Revoke(t.Context(), token.Resource, token.ID))
	for _, p := range []page{
		b.get(path + "/revoke"), b.get(path + "/rotate"), b.post(path+"/revoke", nil), b.post(path+"/rotate", form("overlap", "now")),
	} {
		assert.Equal(t, http.StatusConflict, p.status)
		has(t, p, "This token has stopped already", "deploy job", string(token.ID), ofRepository)
	}
	assert.Len(t, s.all(), 1)
}

func TestAnIDOfAnotherPlaceIsNotFound(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	globex, err := s.AddWorkspace(ctx, "globex", "Globex", "premium")
	require.NoError(t, err)
	require.NoError(t, s.Appoint(ctx, s.admin, globex.Resource()))
	site, err := s.AddProject(ctx, s.workspace, "SITE", "Website")
	require.NoError(t, err)
	_, err = s.AddRepository(ctx, s.project, "worker", "")
	require.NoError(t, err)

	ofOther, other := s.issue("other", globex.Resource(), hallpass.ProjectRead)
	ofSite, website := s.issue("website", site.Resource(), hallpass.ProjectRead)
	ofAPI, api := s.issue("api", s.repository.Resource(), hallpass.RepositoryRead)
	b := s.as("admin")
	missing := b.get("/settings/nowhere/tokens")
	for _, path := range []string{
		ofWorkspace + "/" + string(ofOther.ID), ofProject + "/" + string(ofOther.ID), ofRepository + "/" + string(ofOther.ID),
		"/settings/globex/tokens/" + string(ofAPI.ID),
		ofProject + "/" + string(ofSite.ID), ofProject + "/" + string(ofAPI.ID),
		"/settings/acme/repositories/worker/tokens/" + string(ofAPI.ID),
		ofWorkspace + "/" + string(ofSite.ID), ofWorkspace + "/" + string(ofAPI.ID), // which lie within, and are managed elsewhere
		ofRepository + "/nonsense",
	} {
		for _, p := range []page{
			b.get(path + "/rotate"), b.get(path + "/revoke"), b.get(path + "/secret"),
			b.post(path+"/revoke", nil), b.post(path+"/rotate", form("overlap", "now")),
		} {
			assert.Equal(t, http.StatusNotFound, p.status, p.path)
			assert.Equal(t, missing.body, p.body)
		}
	}
	assert.True(t, s.live(other) && s.live(website) && s.live(api))
}
