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
	e        engine
	raw      *sql.DB // of the one who edits
	store    *sqlstore.Store
	a        *hallpass.Authority
	l        *log
	resealer *hallpass.Authority // has another current key
	key      []byte

	names     []string // of the columns
	token     hallpass.Token
	text      string
	neighbour hallpass.Token  // under the other key
	rows      map[string]cols // the table as it is to be, by ID
	good      []string        // the same, as dump returns it
	edits     int
}

// cols are values of a row, by column, as the driver takes and gives them.
type cols map[string]any

// newScene returns a scene with the token that mint makes and a neighbour.
func newScene(t *testing.T, e engine, mint func(s *scene) (hallpass.Token, string)) *scene {
	dsn := e.fresh(t)
	raw := dsn
	if e.driver == "sqlite" {
		raw = strings.Replace(dsn, wal, hasty, 1)
	}
	s := &scene{t: t, e: e, raw: e.open(t, raw), store: e.store(t, e.open(t, dsn)), l: &log{}, key: hallpass.GenerateKey()}
	s.raw.SetMaxOpenConns(1)
	if e.dialect == sqlstore.PostgreSQL {
		must(t, s.raw, "SET synchronous_commit = off") // for edits that nobody need keep
	}
	newKey := hallpass.GenerateKey()
	s.a = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, s.key, newKey), Observe: s.l.observe})
	s.resealer = hallpasstest.With(t, hallpass.Config{Store: s.store, Keys: mustKeys(t, newKey, s.key)})
	g := grant(hallpass.Repository("emca", "web"), hallpass.RepositoryWrite)
	g.Name, g.CreatedBy, g.RevokeAt = "test runner", "user-2", time.Now().Add(2000*time.Hour)
	var err error
	s.neighbour, _, err = s.resealer.Issue(t.Context(), g)
	require.NoError(t, err)
	s.token, s.text = mint(s)
	s.keep()
	return s
}

// read returns the rows of the table as they are, and what they are in text.
func (s *scene) read() (rows []cols, lines []string) {
	result, err := s.raw.QueryContext(s.t.Context(), "SELECT * FROM hallpass_tokens")
	require.NoError(s.t, err)
	defer result.Close()
	s.names, err = result.Columns()
	require.NoError(s.t, err)
	for result.Next() {
		values, pointers := make([]any, len(s.names)), make([]any, len(s.names))
		for i := range values {
			pointers[i] = &values[i]
		}
		require.NoError(s.t, result.Scan(pointers...))
		row, line := cols{}, ""
		for i, name := range s.names {
			if b, ok := values[i].([]byte); ok && b == nil {
				values[i] = []byte{} // lib/pq tells an empty value from NULL only so
			}
			row[name] = values[i]
			line += fmt.Sprintf("%T %x ", values[i], values[i])
		}
		rows, lines = append(rows, row), append(lines, line)
	}
	require.NoError(s.t, result.Err())
	slices.Sort(lines)
	return rows, lines
}

// keep makes the table as it is now the one that restore restores.
func (s *scene) keep() {
	s.rows = map[string]cols{}
	rows, lines := s.read()
	for _, row := range rows {
		s.rows[fmt.Sprintf("%s", row["id"])] = row
	}
	s.good = lines
}

// restore takes back all edits.
func (s *scene) restore() {
	tx, err := s.raw.BeginTx(s.t.Context(), nil)
	require.NoError(s.t, err)
	must(s.t, tx, "DELETE FROM hallpass_tokens")
	for _, row := range s.rows {
		s.insert(tx, row)
	}
	require.NoError(s.t, tx.Commit())
	s.l.take()
}

// insert puts a row into the table.
func (s *scene) insert(db executor, row cols) {
	var args []any
	for _, name := range s.names {
		args = append(args, row[name])
	}
	marks := strings.Repeat(", ?", len(s.names))[2:]
	must(s.t, db, s.e.placeholder("INSERT INTO hallpass_tokens ("+strings.Join(s.names, ", ")+") VALUES ("+marks+")"), args...)
}

// update sets columns of the row with an ID.
func (s *scene) update(id hallpass.ID, set cols) {
	var list []string
	var args []any
	for name, v := range set {
		list, args = append(list, name+" = ?"), append(args, v)
	}
	args = append(args, s.rows[string(id)]["id"])
	must(s.t, s.raw, s.e.placeholder("UPDATE hallpass_tokens SET "+strings.Join(list, ", ")+" WHERE id = ?"), args...)
}

// value returns what the token's row had in a column.
func (s *scene) value(column string) any { return s.rows[string(s.token.ID)][column] }

// like returns b as a value of the same type as another.
func like(v any, b []byte) any {
	if _, ok := v.(string); ok {
		return string(b)
	}
	return b
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
	_, before := s.read()
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
	_, after := s.read()
	assert.Len(t, after, len(before), what)
	for _, line := range before {
		if !slices.Contains(s.good, line) {
			assert.Contains(t, after, line, "%s: Verify and Reseal leave it as it is", what)
		}
	}
}

// edit makes an edit, sees to it that the token is dead and found out, and takes the edit back.
func (s *scene) edit(what string, id hallpass.ID, outcome string, change func()) {
	s.editAndBack(what, id, outcome, change, s.restore)
}

func (s *scene) editAndBack(what string, id hallpass.ID, outcome string, change, back func()) {
	change()
	s.refused(what, s.text, outcome)
	s.found(what, id, outcome)
	back()
	_, err := s.a.Authenticate(s.t.Context(), s.text)
	require.NoError(s.t, err, "%s, and back: the token works again", what)
	s.edits++
}

// set edits columns of the token's row.
func (s *scene) set(what string, set cols) {
	outcome, id := tampered, s.token.ID
	if v, ok := set["id"]; ok {
		outcome, id = unknown, hallpass.ID(fmt.Sprintf("%s", v))
	}
	if number, ok := set["key_id"].(int64); ok && number != 0 && len(set) == 1 {
		outcome = unavailable
	}
	change, back := func() { s.update(s.token.ID, set) }, s.restore
	if id == s.token.ID {
		back = func() { s.update(s.token.ID, s.of(s.token.ID)) } // its neighbours were moved to the other key at most
	}
	s.editAndBack(what, id, outcome, change, back)
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
		s.delete(old.ID)
		return token, secret.Reveal()
	},
	"replaced": func(s *scene) (hallpass.Token, string) {
		token, text := issue(s.t, s.a, core)
		fresh, _, err := s.a.Rotate(s.t.Context(), acme, token.ID, time.Hour)
		require.NoError(s.t, err)
		s.delete(fresh.ID)
		return token, text
	},
}

// delete deletes a row.
func (s *scene) delete(id hallpass.ID) {
	var v any = []byte(id)
	if s.e.dialect == sqlstore.SQLite {
		v = string(id)
	}
	must(s.t, s.raw, s.e.placeholder("DELETE FROM hallpass_tokens WHERE id = ?"), v)
}

// onEachVictim runs a test on each victim, on each engine, and on those that are hostile.
func onEachVictim(t *testing.T, test func(t *testing.T, s *scene)) {
	var all []engine
	for _, e := range variants {
		if strings.Contains(e.name, "hostile") {
			all = append(all, e)
		}
	}
	onEach(t, append(all, engines...), func(t *testing.T, e engine) {
		for name, mint := range victims {
			t.Run(name, func(t *testing.T) {
				s := newScene(t, e, mint)
				test(t, s)
				t.Logf("%d edits, each dead", s.edits)
			})
		}
	})
}
