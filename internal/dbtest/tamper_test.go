package dbtest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A crime scene is a database that somebody edits by other means than hallpass.
type scene struct {
	t        *testing.T
	raw      *sql.DB // of the one who edits
	store    *sqlstore.Store
	a        *hallpass.Authority
	l        *log
	resealer *hallpass.Authority // has another current key
	key      []byte

	names, kinds []string // of the columns
	dumping      *sql.Stmt
	token        hallpass.Token
	text         string
	neighbour    hallpass.Token // under the other key
	good         []string       // the table as it is to be
	edits        int
}

// newScene returns a scene with the token that mint makes and a neighbour.
func newScene(t *testing.T, mint func(s *scene) (hallpass.Token, string)) *scene {
	file := newFile(t)
	s := &scene{t: t, raw: open(t, file, hasty), store: migrated(t, open(t, file, wal)), l: &log{}, key: hallpass.GenerateKey()}
	s.raw.SetMaxOpenConns(1)
	newKey := hallpass.GenerateKey()
	s.a = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, s.key, newKey), Observe: s.l.observe})
	s.resealer = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, newKey, s.key)})
	s.names, s.kinds = columnsOf(t, s.raw, "hallpass_tokens")
	var err error
	s.dumping, err = s.raw.PrepareContext(t.Context(), dumping("hallpass_tokens", s.names))
	require.NoError(t, err)
	g := grant(hallpass.Repository("emca", "web"), hallpass.RepositoryWrite)
	g.Name, g.CreatedBy, g.RevokeAt = "test runner", "user-2", time.Now().Add(2000*time.Hour)
	s.neighbour, _, err = s.resealer.Issue(t.Context(), g)
	require.NoError(t, err)
	s.token, s.text = mint(s)
	s.keep()
	return s
}

// keep makes the table as it is now the one that restore restores.
func (s *scene) keep() {
	must(s.t, s.raw, "DROP TABLE IF EXISTS saved; CREATE TABLE saved AS SELECT * FROM hallpass_tokens")
	s.good = s.dump()
}

// dump returns the table as it is.
func (s *scene) dump() (lines []string) {
	rows, err := s.dumping.QueryContext(s.t.Context())
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(s.t, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(s.t, rows.Err())
	return lines
}

func (s *scene) restore() {
	must(s.t, s.raw, "BEGIN; DELETE FROM hallpass_tokens; INSERT INTO hallpass_tokens SELECT * FROM saved; COMMIT")
	s.l.take()
}

// loosen makes the table one that takes any value in any column.
func (s *scene) loosen() {
	list := strings.Join(s.names, ", ")
	must(s.t, s.raw, "BEGIN; ALTER TABLE hallpass_tokens RENAME TO strict; CREATE TABLE hallpass_tokens ("+list+
		"); INSERT INTO hallpass_tokens SELECT * FROM strict; DROP TABLE strict; COMMIT")
	require.Equal(s.t, s.good, s.dump())
}

// value returns what the token's row has in a column.
func (s *scene) value(column string) (v any) {
	require.NoError(s.t, s.raw.QueryRowContext(s.t.Context(), "SELECT "+column+" FROM hallpass_tokens WHERE id = ?", string(s.token.ID)).Scan(&v))
	return v
}

// Outcomes of presenting a token whose row was edited.
const (
	tampered    = hallpass.ReasonTampered
	unknown     = hallpass.ReasonUnknown
	unavailable = "unavailable"
)

// refused sees to it that presenting text has this outcome.
func (s *scene) refused(what, text, outcome string) {
	t := s.t
	s.l.take()
	token, err := s.a.Authenticate(t.Context(), text)
	assert.Zero(t, token, what)
	e := s.l.one(t)
	if outcome == unavailable {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, what)
		assert.NotErrorIs(t, err, hallpass.ErrUnauthenticated, what)
		assert.Equal(t, hallpass.Unavailable, e.Kind, what)
	} else {
		assert.Equal(t, hallpass.ErrUnauthenticated, err, what)
		assert.Equal(t, hallpass.Rejected, e.Kind, what)
		assert.Equal(t, outcome, e.Reason, what)
	}
	assert.True(t, outcome == hallpass.ReasonRevoked || e.Token == hallpass.Token{ID: e.Token.ID}, "%s: nothing of such a row is shown, but its ID", what)
}

// found sees to it that Verify and Reseal report the row with this ID, and leave what was edited as it is. Neither sees a row that has no ID.
func (s *scene) found(what string, id hallpass.ID, outcome string) {
	t := s.t
	before := s.dump()
	require.False(t, slices.Equal(s.good, before), "%s changes nothing", what)
	bad, moved := collect(s.a.Verify(t.Context())), collect(s.resealer.Reseal(t.Context()))
	if id != "" {
		want := hallpass.ErrTampered
		if outcome == unavailable {
			want = hallpass.ErrUnavailable
		}
		if bad[""] != nil { // an ID of another type is not where it belongs in the order, so nothing more can be read
			id, want = "", hallpass.ErrUnavailable
		}
		assert.ErrorIs(t, bad[id], want, what)
		assert.ErrorIs(t, moved[id], want, what)
	}
	after := s.dump()
	assert.Len(t, after, len(before), what)
	for _, line := range before {
		if !slices.Contains(s.good, line) {
			assert.Contains(t, after, line, "%s: Verify and Reseal leave it as it is", what)
		}
	}
}

// edit makes an edit, sees to it that the token is dead and found out, and takes the edit back.
func (s *scene) edit(what string, id hallpass.ID, outcome, statement string, args ...any) {
	t := s.t
	must(t, s.raw, statement, args...)
	s.refused(what, s.text, outcome)
	s.found(what, id, outcome)
	s.restore()
	_, err := s.a.Authenticate(t.Context(), s.text)
	require.NoError(t, err, "%s, and back: the token works again", what)
	s.edits++
}

// set edits one column. The value is an SQL expression over a parameter.
func (s *scene) set(what, column, expression string, value any) {
	outcome, id := tampered, s.token.ID
	number, isNumber := value.(int64)
	switch {
	case column == "id":
		outcome, id = unknown, ""
		if b, ok := value.([]byte); ok {
			id = hallpass.ID(b)
		}
	case column == "key_id" && isNumber && number != 0:
		outcome = unavailable
	}
	s.edit(column+": "+what, id, outcome, "UPDATE hallpass_tokens SET "+column+" = "+expression+" WHERE id = ?", value, string(s.token.ID))
}

// The tokens that are edited. Between them, no column but extra is empty.
var victims = map[string]func(s *scene) (hallpass.Token, string){
	"replacement": func(s *scene) (hallpass.Token, string) {
		g := grant(api, hallpass.RepositoryRead, hallpass.PipelineRead)
		g.RevokeAt = time.Now().Add(1000 * time.Hour)
		old, _, err := s.a.Issue(s.t.Context(), g)
		require.NoError(s.t, err)
		token, secret, err := s.a.Rotate(s.t.Context(), acme, old.ID, 0)
		require.NoError(s.t, err)
		must(s.t, s.raw, "DELETE FROM hallpass_tokens WHERE id = ?", string(old.ID))
		return token, secret.Reveal()
	},
	"replaced": func(s *scene) (hallpass.Token, string) {
		token, text := issue(s.t, s.a, core)
		fresh, _, err := s.a.Rotate(s.t.Context(), acme, token.ID, time.Hour)
		require.NoError(s.t, err)
		must(s.t, s.raw, "DELETE FROM hallpass_tokens WHERE id = ?", string(fresh.ID))
		return token, text
	},
}

func TestEachBitOfARowIsSealed(t *testing.T) {
	t.Parallel()
	for name, mint := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, mint)
			for i, column := range s.names {
				switch v := s.value(column).(type) {
				case int64:
					for bit := range 64 {
						s.set(fmt.Sprintf("bit %d", bit), column, "?", v^1<<bit)
					}
				case string, []byte:
					b, ok := v.([]byte)
					if !ok {
						b = []byte(v.(string))
					}
					for bit := range 8 * len(b) {
						edited := slices.Clone(b)
						edited[bit/8] ^= 1 << (bit % 8)
						s.set(fmt.Sprintf("bit %d", bit), column, "CAST(? AS "+s.kinds[i]+")", edited)
					}
				default:
					assert.Fail(t, "a column of an unknown type", "%s: %T", column, v)
				}
			}
			t.Logf("%d edits, each dead", s.edits)
		})
	}
}

func TestTheVictimsFillEveryColumn(t *testing.T) {
	t.Parallel()
	filled := map[string]bool{}
	for _, mint := range victims {
		s := newScene(t, mint)
		for _, column := range s.names {
			switch v := s.value(column).(type) {
			case int64:
				filled[column] = filled[column] || v != 0
			case string:
				filled[column] = filled[column] || v != ""
			case []byte:
				filled[column] = filled[column] || len(v) > 0
			}
		}
	}
	require.Len(t, filled, 16)
	for column, is := range filled {
		assert.Equal(t, column != "extra", is, column)
	}
}
