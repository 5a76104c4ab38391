package dbtest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// values are what a column of any type is set to, as SQL expressions over the column.
func values(column string) []string {
	return []string{
		"NULL", "''", "'x'", "'acme'", "0", "1", "-1", "7", "1.5", "1e300", "x''", "x'ff'", "zeroblob(31)", "zeroblob(32)", "zeroblob(33)",
		"printf('%032d', 0)",
		"CAST(" + column + " AS BLOB) || x'00'",
		column + " || ' '",
		"' ' || " + column,
		"substr(" + column + ", 1, length(" + column + ") - 1)",
		"upper(" + column + ")",
		"CAST(CAST(" + column + " AS BLOB) || x'00' AS TEXT)",
	}
}

// outcomeOf returns what comes of setting a column to a value, and the ID that the row has then.
func (s *scene) outcomeOf(column, typeOf string, text []byte) (outcome string, id hallpass.ID) {
	number, err := strconv.ParseInt(string(text), 10, 64)
	isNumber := err == nil && typeOf == "integer"
	switch {
	case column == "id" && (typeOf == "text" || typeOf == "blob"):
		return unknown, hallpass.ID(text)
	case column == "id":
		return unknown, "" // such a row is as good as deleted
	case column == "key_id" && isNumber && number != 0:
		return unavailable, s.token.ID
	}
	return tampered, s.token.ID
}

// Whoever can write to the database can also make its table anew, without types and without NOT NULL.
func TestAValueOfAnyTypeInAnyColumnIsDead(t *testing.T) {
	t.Parallel()
	for name, mint := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, mint)
			s.loosen()
			_, err := s.a.Authenticate(t.Context(), s.text)
			require.NoError(t, err, "the table alone is no part of a row")
			for _, column := range s.names {
				for _, expression := range values(column) {
					what := column + " = " + expression
					var typeOf string
					var text []byte
					var same bool
					require.NoError(t, s.raw.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT typeof(v), coalesce(CAST(v AS BLOB), x'00'),
						v IS %[2]s AND typeof(v) = typeof(%[2]s) FROM (SELECT %[1]s AS v, * FROM hallpass_tokens WHERE id = ?)`,
						expression, column), string(s.token.ID)).Scan(&typeOf, &text, &same), what)
					if same {
						continue // it is what it was
					}
					outcome, id := s.outcomeOf(column, typeOf, text)
					statement := "UPDATE hallpass_tokens SET " + column + " = " + expression + " WHERE id = ?"
					s.edit(what, id, outcome, statement, string(s.token.ID))
					if column != "id" && outcome == tampered {
						s.canBeEnded(what, statement)
					}
				}
			}
			t.Logf("%d edits, each dead", s.edits)
		})
	}
}

// canBeEnded sees to it that a row that was edited can be ended, and is passed by from then on.
func (s *scene) canBeEnded(what, statement string) {
	t := s.t
	must(t, s.raw, statement, string(s.token.ID))
	r, err := s.store.Get(t.Context(), s.token.ID)
	require.NoError(t, err, what)
	within := acme
	if bound := r.Token.Resource; bound.Kind() != 0 {
		within = hallpass.Workspace(bound.Workspace())
	}
	s.l.take()
	require.NoError(t, s.a.Revoke(t.Context(), within, s.token.ID), what)
	e := s.l.one(t)
	assert.Equal(t, hallpass.Revoked, e.Kind, what)
	assert.Equal(t, hallpass.ReasonTampered, e.Reason, what)
	s.refused(what+", ended", s.text, hallpass.ReasonRevoked)
	assert.Empty(t, collect(s.a.Verify(t.Context())), what)
	assert.Empty(t, collect(s.resealer.Reseal(t.Context())), what)
	assert.NoError(t, s.a.Revoke(t.Context(), within, s.token.ID), "%s: again is fine", what)
	assert.Empty(t, s.l.take())
	s.restore()
}

func TestATamperedRowOfASoundTableCanBeEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t, victims["replacement"])
	for _, set := range []string{
		"scope = 'repository:admin'", "name = ''", "workspace = 'emca'", "project = 'core'", "workspace = '/'", "created_at = 0", "revoked_at = 0",
		"replaces = ''", "replaced_by = id", "extra = 'x'", "key_id = 0", "format = 2", "format = 257", "format = -255",
		"verifier = zeroblob(32)", "verifier = x''", "seal = x''", "seal = zeroblob(32)", "seal = zeroblob(31)", "seal = zeroblob(33)",
		"seal = zeroblob(100000)", "seal = x'', verifier = x''", "key_id = 0, seal = x''",
	} {
		statement := "UPDATE hallpass_tokens SET " + set + " WHERE id = ?"
		s.edit(set, s.token.ID, tampered, statement, string(s.token.ID))
		s.canBeEnded(set, statement)
	}
	t.Logf("%d edits, each dead, each ended", s.edits)
}

// A row that an Authority has ended for being tampered with looks so: no key, no verifier, no seal. Whoever makes a row look so
// only ends it.
func TestARowMadeToLookEndedIsEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t, victims["replacement"])
	must(t, s.raw, "UPDATE hallpass_tokens SET key_id = 0, verifier = zeroblob(32), seal = zeroblob(32) WHERE id = ?", string(s.token.ID))
	s.refused("made to look ended", s.text, hallpass.ReasonRevoked)
}

func TestClearingARevocationRevivesNothing(t *testing.T) {
	t.Parallel()
	var before []any
	s := newScene(t, func(s *scene) (hallpass.Token, string) {
		token, text := issue(s.t, s.a, api)
		s.token = token
		before = []any{s.value("verifier"), s.value("seal")}
		require.NoError(s.t, s.a.Revoke(s.t.Context(), acme, token.ID))
		return token, text
	})
	s.refused("revoked", s.text, hallpass.ReasonRevoked)
	for set, args := range map[string][]any{
		"revoked_at = 0":                                   nil,
		"revoked_at = -1":                                  nil,
		"revoked_at = revoked_at - 1":                      nil,
		"revoked_at = ?":                                   {time.Now().Add(time.Hour).UnixMicro()},
		"verifier = ?":                                     before[:1],
		"seal = ?":                                         before[1:],
		"verifier = ?, seal = ?":                           before,
		"verifier = ?, seal = ?, revoked_at = 1":           before,
		"verifier = ?, revoked_at = 0":                     before[:1],
		"seal = ?, revoked_at = 0":                         before[1:],
		"revoked_at = 0, verifier = zeroblob(32)":          {},
		"revoked_at = 0, seal = zeroblob(32)":              nil,
		"revoked_at = 0, format = 0":                       nil,
		"revoked_at = 0, replaced_by = 'x', extra = 'x'":   nil,
		"revoked_at = 0, verifier = seal, seal = verifier": nil,
	} {
		statement := "UPDATE hallpass_tokens SET " + set + " WHERE id = ?"
		must(t, s.raw, statement, append(args[:len(args):len(args)], string(s.token.ID))...)
		s.refused(set, s.text, tampered)
		s.found(set, s.token.ID, tampered)
		s.restore()
		s.refused(set+", and back", s.text, hallpass.ReasonRevoked)
		if !strings.Contains(set, "?") {
			s.canBeEnded(set, statement)
		}
	}
}

// IDs that were made blobs come after every text, whatever they are. A list of them ends, with an error, and does not begin again.
func TestAListOfIDsThatAreNoTextsEnds(t *testing.T) {
	t.Parallel()
	s := newScene(t, victims["replacement"])
	s.loosen()
	must(t, s.raw, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO hallpass_tokens
		SELECT CAST(printf('%020d', i) AS BLOB), name, workspace, project, repository, scope, created_by, created_at, revoked_at, replaces, replaced_by, extra,
		verifier, seal, key_id, format FROM hallpass_tokens, n WHERE id = ?`, string(s.token.ID))
	n := 0
	var last error
	for _, err := range s.store.List(t.Context(), hallpass.Query{All: true}) {
		n, last = n+1, err
		require.Less(t, n, 5000)
	}
	assert.ErrorContains(t, last, "somebody changed their type")
	assert.ErrorIs(t, collect(s.a.Verify(t.Context()))[""], hallpass.ErrUnavailable)
}
