package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

func TestATokenOpensNoPageAndASessionNoAPI(t *testing.T) {
	w := newWorld(t)
	_, secret := w.issue(w.repository("acme", "api").Resource(), hallpass.RepositoryRead)
	const page, api = "/settings/acme/repositories/api/tokens", "/2.0/repositories/acme/api"
	require.Equal(t, http.StatusOK, w.call(http.MethodGet, api, secret, "").Code)
	p := w.call(http.MethodGet, page, secret, "")
	assert.Equal(t, http.StatusSeeOther, p.Code)
	assert.True(t, strings.HasPrefix(p.Header().Get("Location"), "/login"))

	r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader(url.Values{"login": {"admin"}, "password": {w.password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	login := httptest.NewRecorder()
	w.forge.ServeHTTP(login, r)
	require.Len(t, login.Result().Cookies(), 1)
	for path, want := range map[string]int{page: http.StatusOK, api: http.StatusUnauthorized} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.AddCookie(login.Result().Cookies()[0])
		answer := httptest.NewRecorder()
		w.forge.ServeHTTP(answer, r)
		assert.Equal(t, want, answer.Code, path)
	}
}
