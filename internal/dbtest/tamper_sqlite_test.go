package dbtest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// What only SQLite has: values of any type in any column.

// loosen makes the table one that takes any value in any column.
func (s *scene) loosen() {
	list := strings.Join(s.names, ", ")
	must(s.t, s.raw, "BEGIN; ALTER TABLE hallpass_tokens RENAME TO strict; CREATE TABLE hallpass_tokens ("+list+
		"); INSERT INTO hallpass_tokens SELECT * FROM strict; DROP TABLE strict; COMMIT")
	_, now := s.read()
	require.Equal(s.t, s.good, now)
}

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
			s := newScene(t, sqliteEngine, mint)
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
					s.edit(what, id, outcome, func() {
						must(t, s.raw, "UPDATE hallpass_tokens SET "+column+" = "+expression+" WHERE id = ?", string(s.token.ID))
					})
				}
			}
			t.Logf("%d edits, each dead", s.edits)
		})
	}
}

// IDs that were made blobs come after every text, whatever they are. A list of them ends, with an error, and does not begin again.
func TestAListOfIDsThatAreNoTextsEnds(t *testing.T) {
	t.Parallel()
	s := newScene(t, sqliteEngine, victims["replacement"])
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
