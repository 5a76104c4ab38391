package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/alerts"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A world is a forge with what the demo has, and its administrator.
type world struct {
	*host.Host
	*forge
	t        *testing.T
	admin    context.Context // in which the administrator acts
	password string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	h, err := host.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	var out strings.Builder
	require.NoError(t, fill(t.Context(), h, "http://forge.invalid", &out))
	w := &world{Host: h, t: t}
	lines := bufio.NewScanner(strings.NewReader(out.String()))
	for lines.Scan() {
		if password, ok := strings.CutPrefix(lines.Text(), "PASSWORD="); ok {
			w.password = password
		}
	}
	admin, err := h.LogIn(t.Context(), "admin", w.password)
	require.NoError(t, err)
	w.admin = host.WithPerson(t.Context(), admin)
	none := func(context.Context, string) (*ecdsa.PublicKey, error) { return nil, alerts.ErrUnknownKey }
	w.forge, err = newForge(h, "http://forge.invalid", false, none)
	require.NoError(t, err)
	return w
}

func (w *world) workspace(slug string) host.Workspace {
	found, err := w.Workspace(w.t.Context(), slug)
	require.NoError(w.t, err)
	return found
}

func (w *world) project(slug, key string) host.Project {
	found, err := w.Project(w.t.Context(), slug, key)
	require.NoError(w.t, err)
	return found
}

func (w *world) repository(workspace, slug string) host.Repository {
	found, err := w.Repository(w.t.Context(), workspace, slug)
	require.NoError(w.t, err)
	return found
}

// issue issues a token as the administrator does.
func (w *world) issue(r hallpass.Resource, permissions ...hallpass.Permission) (hallpass.Token, string) {
	w.t.Helper()
	token, secret, err := w.Passes.Issue(w.admin, hallpass.Grant{Name: "job", CreatedBy: "test", Resource: r.Identity(), Permissions: permissions})
	require.NoError(w.t, err)
	return token, secret.Reveal()
}

// call calls the forge with a token, or with none.
func (w *world) call(method, target, secret, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	answer := httptest.NewRecorder()
	w.forge.ServeHTTP(answer, r)
	return answer
}

func (w *world) status(method, target, secret, body string) int {
	w.t.Helper()
	return w.call(method, target, secret, body).Code
}

// prepare gives a request the body or query that its route needs to get as far as the decision.
func prepare(r *http.Request) {
	body := ""
	switch r.Pattern {
	case "POST /2.0/repositories/{workspace}/{repository}":
		body = `{"project": {"key": "CORE"}}`
	case "POST /2.0/repositories/{workspace}/{repository}/pullrequests":
		body = `{"title": "Fix", "source": {"branch": "fix"}}`
	}
	if strings.HasSuffix(r.Pattern, "/info/refs") {
		r.URL.RawQuery = "service=git-upload-pack"
	}
	r.Body = io.NopCloser(strings.NewReader(body))
}
