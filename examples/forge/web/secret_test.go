package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

func TestASecretIsShownOnce(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	p := b.make(ofRepository, "deploy job", "repository:write")
	require.Equal(t, http.StatusOK, p.status)
	secret := p.secret()
	require.True(t, s.live(secret))
	assert.NotContains(t, p.path, secret)
	has(t, p, "This is the only time it is shown", "clone https://forge.example.com/git/acme/api.git", "https://forge.example.com/2.0/repositories/acme/api", "x-token-auth")
	assert.Equal(t, 1, strings.Count(p.body, secret), "commands read it from the environment")

	again := b.get(p.path)
	assert.Equal(t, http.StatusGone, again.status)
	has(t, again, "cannot be shown again", ofRepository+"/new", "/rotate")
	lacks(t, again, secret)
	for _, path := range []string{ofRepository, ofRepository + "?revoked=1", "/settings/acme/audit", "/"} {
		lacks(t, b.get(path), secret)
	}
	assert.Len(t, s.all(), 1, "a reload makes no token")
}

func TestASecretIsForTheSessionThatMadeIt(t *testing.T) {
	s := open(t)
	b, other := s.as("admin"), s.as("admin")
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	path := b.make(ofRepository, "job", "repository").header.Get("Location")
	require.NotEmpty(t, path)

	p := other.get(path)
	assert.Equal(t, http.StatusGone, p.status)
	assert.Empty(t, p.secret())
	assert.NotEqual(t, http.StatusOK, b.send(http.MethodHead, path, nil).status)
	assert.True(t, s.live(b.get(path).secret()), "neither took it")

	path = b.make(ofRepository, "job", "repository").header.Get("Location")
	b.client.CheckRedirect = nil
	require.Equal(t, "/login", b.post("/logout", nil).path)
	b.logIn("admin", password)
	assert.Empty(t, b.get(path).secret(), "the session is another one")
}

func TestNoFileHasASecret(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	first := b.make(ofRepository, "job", "repository").secret()
	require.NotEmpty(t, first)
	second := b.post(ofRepository+"/"+string(s.all()[0].ID)+"/rotate", form("overlap", "now")).secret()
	require.NotEmpty(t, second)
	b.logIn("admin", second)
	_, err := s.Passes.Authorize(t.Context(), second, s.repository.Resource(), hallpass.RepositoryRead)
	require.NoError(t, err)
	b.post("/logout", nil)
	require.NoError(t, s.Passes.FlushUses(t.Context()))

	files := 0
	require.NoError(t, filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files++
		for _, secret := range []string{first, second} {
			assert.NotContains(t, string(content), secret, path)
			assert.NotContains(t, string(content), secret[23:58], path) // without what is public
		}
		return err
	}))
	assert.FileExists(t, filepath.Join(s.dir, "forge.db-wal"))
	assert.Greater(t, files, 3)
}

func TestWhatReadsNoRepositoryGetsNoCommandToClone(t *testing.T) {
	s := open(t)
	p := s.as("admin").make(ofRepository, "job", "webhook")
	require.NotEmpty(t, p.secret())
	lacks(t, p, "git -c credential.helper")
}
