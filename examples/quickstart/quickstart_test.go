package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hallpass-go/hallpass"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The job moves, rotates, revokes, edits and deletes. Each run has a database of its own, so the second goes as the first.
func TestTheJobIsAnsweredAsExpectedEveryTime(t *testing.T) {
	t.Parallel()
	for range 2 {
		var out, log bytes.Buffer
		require.Zero(t, run(t.Context(), nil, &out, &log, ciJob), "%s%s", &out, &log)
		assert.Empty(t, log.String())
		assert.NotContains(t, out.String(), "UNEXPECTED")
		assert.NotContains(t, out.String(), "\x1b", "there are no colours where there is no terminal")
		assert.Regexp(t, `\nAll \d+ requests were answered as expected, and \d+ other checks hold\.\n$`, out.String())
	}
}

func TestTheJobSeesAllThatItIsToShow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	j, err := play(t.Context(), &out, ciJob)
	require.NoError(t, err, &out)
	assert.Zero(t, j.unexpected)
	assert.GreaterOrEqual(t, j.requests, 60)
	assert.GreaterOrEqual(t, j.checks, 4)
	assert.True(t, j.ledger.tampered(j.tokens["site-publish"].ID))
	assert.False(t, j.ledger.tampered(j.tokens["api-build"].ID))
	assert.EqualValues(t, 1, j.service.passes.Malformed())
	for _, reason := range []string{" 401  tampered", " 401  revoked", " 401  unknown", " 403  lacks ", " 403  out of reach", " 404  not there"} {
		assert.Contains(t, out.String(), reason)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	j, err := play(t.Context(), &out, ciJob)
	require.NoError(t, err)
	for name, reveal := range j.reveal {
		if secret := reveal(); j.service.passes.Recognizes(secret) {
			assert.NotContains(t, out.String(), secret[len("hp_")+20:len(secret)-6], name)
		}
	}
	require.True(t, j.service.passes.Recognizes(j.reveal["api-build"]()), "the loop above had something to look for")
	assert.NotRegexp(t, regexp.MustCompile(`hp_[0-9A-Za-z]{21}`), out.String())
}

func TestAWrongExpectationFailsTheJob(t *testing.T) {
	t.Parallel()
	scripts := map[string]func(*job) error{
		"a status": func(j *job) error {
			j.want(200, "(none)", "GET /repositories/acme/api", "")
			return nil
		},
		"a list": func(j *job) error {
			err := j.issue("ops", "workspace acme", hallpass.RepositoryRead)
			j.wantList("ops", "GET /repositories/acme", "api")
			return err
		},
		"a token that there is not": func(j *job) error {
			j.want(401, "typo", "GET /repositories/acme/api", "")
			return nil
		},
		"a check": func(j *job) error {
			j.check("two and two are five", false)
			return nil
		},
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, log bytes.Buffer
			assert.Equal(t, 1, run(t.Context(), nil, &out, &log, script))
			assert.Equal(t, 1, strings.Count(out.String(), "UNEXPECTED"), &out)
			assert.Contains(t, log.String(), "UNEXPECTED")
			assert.NotContains(t, out.String(), "as expected")
		})
	}
}

func TestAJobThatCannotGoOnFails(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), nil, io.Discard, &log, func(*job) error { return errors.New("no way") }))
	assert.Equal(t, "quickstart: no way\n", log.String())

	ctx, cancel := context.WithCancel(t.Context())
	log.Reset()
	assert.Equal(t, 1, run(ctx, nil, io.Discard, &log, func(j *job) error { cancel(); return ciJob(j) }))
	assert.Equal(t, "quickstart: interrupted\n", log.String())
}

// send presents a text to the service and returns its whole answer.
func send(t *testing.T, j *job, method, path, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), method, "/2.0"+path, nil)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	w := httptest.NewRecorder()
	j.service.routes().ServeHTTP(w, r)
	return w
}

func TestStrangersCauseNoLookup(t *testing.T) {
	t.Parallel()
	_, err := play(t.Context(), io.Discard, func(j *job) error {
		if err := errors.Join(issuing(j), strangers(j)); err != nil {
			return err
		}
		_, err := j.service.db.ExecContext(t.Context(), `DROP TABLE repositories; DROP TABLE projects; DROP TABLE workspaces`)
		require.NoError(t, err)
		for _, request := range []string{"/repositories/acme/api", "/repositories/acme", "/workspaces/acme/members"} {
			for _, stranger := range []string{"(none)", "(garbage)", "(elsewhere)"} {
				assert.Equal(t, http.StatusUnauthorized, send(t, j, "GET", request, j.reveal[stranger]()).Code, "%s %s", request, stranger)
			}
			// The tables are missed as soon as they are looked at.
			assert.Equal(t, http.StatusInternalServerError, send(t, j, "GET", request, j.reveal["acme-ops"]()).Code, request)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestAllBadTokensAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	_, err := play(t.Context(), io.Discard, func(j *job) error {
		if err := ciJob(j); err != nil {
			return err
		}
		garbage := send(t, j, "GET", "/repositories/acme/api", "hp_garbage")
		require.Equal(t, http.StatusUnauthorized, garbage.Code)
		for name, why := range map[string]string{
			"(elsewhere)": "unknown", "api-build": "rotated", "core-nightly": "revoked", "site-publish": "edited", "prototype": "deleted",
		} {
			assert.Equal(t, garbage, send(t, j, "GET", "/repositories/acme/api", j.reveal[name]()), why)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestWhatIsNotThereLooksOutOfReach(t *testing.T) {
	t.Parallel()
	_, err := play(t.Context(), io.Discard, func(j *job) error {
		if err := issuing(j); err != nil {
			return err
		}
		for _, name := range []string{"api-build", "core-nightly"} {
			there := send(t, j, "GET", "/repositories/acme/docs", j.reveal[name]())
			require.Equal(t, http.StatusForbidden, there.Code)
			assert.Equal(t, there, send(t, j, "GET", "/repositories/acme/nowhere", j.reveal[name]()), name)
			assert.Equal(t, there, send(t, j, "GET", "/repositories/globex/api", j.reveal[name]()), name)
			assert.Equal(t, there, send(t, j, "GET", "/repositories/nobody/api", j.reveal[name]()), name)
		}
		return nil
	})
	require.NoError(t, err)
}

// A token is bound to the ID of a repository. Whoever gets its name gets none of its tokens.
func TestANameThatIsUsedAgainBringsNoTokensBack(t *testing.T) {
	t.Parallel()
	_, err := play(t.Context(), io.Discard, func(j *job) error {
		if err := issuing(j); err != nil {
			return err
		}
		secret := j.reveal["prototype"]()
		require.Equal(t, http.StatusOK, send(t, j, "GET", "/repositories/acme/prototype", secret).Code)
		_, err := j.service.db.ExecContext(t.Context(), `DELETE FROM repositories WHERE slug = 'prototype'`)
		require.NoError(t, err)
		require.NoError(t, j.service.host.setUp(t.Context()), "which makes it again")
		assert.Equal(t, http.StatusForbidden, send(t, j, "GET", "/repositories/acme/prototype", secret).Code)
		return nil
	})
	require.NoError(t, err)
}

func TestPolicyRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := play(t.Context(), io.Discard, func(j *job) error {
		for _, what := range []string{"workspace acme", "project acme/CORE", "repository acme/api"} {
			at, err := j.find(what)
			require.NoError(t, err)
			_, _, err = j.service.issue(t.Context(), "good", at, hallpass.RepositoryRead)
			require.NoError(t, err)
			if at.repository != "" {
				at.repository = uuid.NewString()
			} else if at.project != "" {
				at.project = uuid.NewString()
			} else {
				at.workspace = uuid.NewString()
			}
			_, _, err = j.service.issue(t.Context(), "bad", at, hallpass.RepositoryRead)
			assert.ErrorContains(t, err, "refused by policy", what)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestAMistakeGetsOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(noDatabase, bytes.Repeat([]byte("This is no database. "), 100), 0o600))
	for _, row := range []struct {
		status int
		args   []string
	}{
		{2, []string{"-x"}},
		{2, []string{"more"}},
		{2, []string{"-addr", "127.0.0.1:8080"}},
		{2, []string{"-db", "forge.db"}},
		{1, []string{"-serve", "-addr", "127.0.0.1:99999"}},
		{1, []string{"-serve", "-db", filepath.Join(dir, "no", "such", "forge.db")}},
		{1, []string{"-serve", "-db", dir}},
		{1, []string{"-serve", "-db", noDatabase}},
	} {
		var out, log bytes.Buffer
		assert.Equal(t, row.status, run(t.Context(), row.args, &out, &log, ciJob), row.args)
		assert.Empty(t, out.String(), row.args)
		assert.Regexp(t, `^quickstart: [^\n]+\n$`, log.String(), row.args)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 1, "no key is made for what is no database")
	var out bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"-h"}, &out, io.Discard, ciJob))
	assert.Contains(t, out.String(), "-serve")
}
