package dbtest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// With -short, which the race detector runs with, and under settings that should not matter, one bit of each byte stands for all.
func TestEachBitOfARowIsSealed(t *testing.T) {
	t.Parallel()
	onEachVictim(t, func(t *testing.T, s *scene) {
		for _, column := range s.names {
			switch v := s.value(column).(type) {
			case int64:
				for bit := range 64 {
					s.set(fmt.Sprintf("%s, bit %d", column, bit), cols{column: v ^ 1<<bit})
				}
			case string, []byte:
				b := []byte(fmt.Sprintf("%s", v))
				for bit := range 8 * len(b) {
					if (testing.Short() || !slices.ContainsFunc(engines, func(e engine) bool { return e.name == s.e.name })) && bit%8 != bit/8%8 {
						continue
					}
					edited := slices.Clone(b)
					edited[bit/8] ^= 1 << (bit % 8)
					s.set(fmt.Sprintf("%s, bit %d", column, bit), cols{column: like(v, edited)})
				}
			default:
				assert.Fail(t, "a column of an unknown type", "%s: %T", column, v)
			}
		}
	})
}

func TestTheVictimsFillEveryColumn(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		filled := map[string]bool{}
		for _, mint := range victims {
			s := newScene(t, e, mint)
			for _, column := range s.names {
				v := s.value(column)
				filled[column] = filled[column] || v != int64(0) && fmt.Sprintf("%s", v) != ""
			}
		}
		require.Len(t, filled, 16)
		for column, is := range filled {
			assert.Equal(t, column != "extra", is, column)
		}
	})
}

// otherValues returns what a column is set to, but for what it holds already.
func otherValues(v any) map[string]any {
	if number, ok := v.(int64); ok {
		all := map[string]any{"0": int64(0), "1": int64(1), "-1": int64(-1), "one more": number + 1, "one less": number - 1, "+256": number + 256,
			"the least": int64(-1 << 63), "the greatest": int64(1<<63 - 1)}
		maps.DeleteFunc(all, func(_ string, other any) bool { return other == v })
		return all
	}
	b := []byte(fmt.Sprintf("%s", v))
	cut := b[:max(0, len(b)-1)]
	all := map[string]any{"empty": like(v, nil), "x": like(v, []byte("x")), "a space after it": like(v, append(slices.Clone(b), ' ')),
		"a zero after it": like(v, append(slices.Clone(b), 0)), "a space before it": like(v, append([]byte(" "), b...)),
		"a byte cut off": like(v, slices.Clone(cut)), "upper case": like(v, upper(b)), "lower case": like(v, lower(b)),
		"32 zeros": like(v, make([]byte, 32)), "nonsense in UTF-8": like(v, append(slices.Clone(cut), 0xff)), "NULL in letters": like(v, []byte("NULL"))}
	if len(b) == 32 {
		all["31 bytes"], all["33 bytes"] = b[1:], append(slices.Clone(b), b[0])
	}
	maps.DeleteFunc(all, func(_ string, other any) bool { return fmt.Sprintf("%x", other) == fmt.Sprintf("%x", v) })
	return all
}

func upper(b []byte) []byte {
	return slices.Collect(func(yield func(byte) bool) {
		for _, c := range b {
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			if !yield(c) {
				return
			}
		}
	})
}

func lower(b []byte) []byte {
	return slices.Collect(func(yield func(byte) bool) {
		for _, c := range b {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			if !yield(c) {
				return
			}
		}
	})
}

// widen makes the table one whose columns take NULL, and bytes of any number.
func (s *scene) widen() {
	for _, statement := range map[sqlstore.Dialect][]string{
		sqlstore.PostgreSQL: {"ALTER TABLE hallpass_tokens DROP CONSTRAINT hallpass_tokens_pkey"},
		sqlstore.MySQL:      {"ALTER TABLE hallpass_tokens DROP PRIMARY KEY, DROP INDEX hallpass_tokens_workspace, DROP INDEX hallpass_tokens_resource"},
	}[s.e.dialect] {
		must(s.t, s.raw, statement)
	}
	for _, name := range s.names {
		kind := "LONGBLOB"
		if _, ok := s.value(name).(int64); ok {
			kind = "BIGINT"
		}
		switch s.e.dialect {
		case sqlstore.PostgreSQL:
			must(s.t, s.raw, "ALTER TABLE hallpass_tokens ALTER COLUMN "+name+" DROP NOT NULL")
		case sqlstore.MySQL:
			must(s.t, s.raw, "ALTER TABLE hallpass_tokens MODIFY "+name+" "+kind+" NULL")
		}
	}
	if s.e.dialect == sqlstore.SQLite {
		s.loosen()
	}
}

// Whoever can write to the database can also change its columns.
func TestAnyOtherValueIsDeadAndCanBeEnded(t *testing.T) {
	t.Parallel()
	onEachVictim(t, func(t *testing.T, s *scene) {
		s.widen()
		_, err := s.a.Authenticate(t.Context(), s.text)
		require.NoError(t, err, "the table alone is no part of a row")
		for _, column := range s.names {
			all := otherValues(s.value(column))
			all["NULL"] = nil
			for what, v := range all {
				what = column + ": " + what
				if v == nil && column == "id" {
					s.edit(what, "", unknown, func() { s.update(s.token.ID, cols{column: v}) })
					continue // such a row is as good as deleted
				}
				s.set(what, cols{column: v})
				if number, ok := v.(int64); column != "id" && (column != "key_id" || !ok || number == 0) {
					s.canBeEnded(what, cols{column: v})
				}
			}
		}
	})
}

// canBeEnded sees to it that a row that was edited can be ended, and is passed by from then on.
func (s *scene) canBeEnded(what string, set cols) {
	t := s.t
	s.update(s.token.ID, set)
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
	for id, err := range s.resealer.Reseal(t.Context()) {
		assert.NotEqual(t, s.token.ID, id, "%s: %v", what, err)
	}
	assert.NoError(t, s.a.Revoke(t.Context(), within, s.token.ID), "%s: again is fine", what)
	assert.Empty(t, s.l.take())
	s.restore()
}

// A row that an Authority has ended for being tampered with looks so: no key, no verifier, no seal. Whoever makes a row look so
// only ends it.
func TestARowMadeToLookEndedIsEnded(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		s := newScene(t, e, victims["replacement"])
		s.update(s.token.ID, cols{"key_id": int64(0), "verifier": make([]byte, 32), "seal": make([]byte, 32)})
		s.refused("made to look ended", s.text, hallpass.ReasonRevoked)
	})
}

func TestClearingARevocationRevivesNothing(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		var before cols
		s := newScene(t, e, func(s *scene) (hallpass.Token, string) {
			token, text := issue(s.t, s.a, api)
			s.keep()
			before = s.rows[string(token.ID)]
			require.NoError(s.t, s.a.Revoke(s.t.Context(), acme, token.ID))
			return token, text
		})
		s.refused("revoked", s.text, hallpass.ReasonRevoked)
		verifier, seal, zero, none := before["verifier"], before["seal"], make([]byte, 32), int64(0)
		for _, set := range []cols{
			{"revoked_at": none}, {"revoked_at": int64(-1)}, {"revoked_at": s.value("revoked_at").(int64) - 1},
			{"revoked_at": time.Now().Add(time.Hour).UnixMicro()},
			{"verifier": verifier}, {"seal": seal}, {"verifier": verifier, "seal": seal},
			{"verifier": verifier, "seal": seal, "revoked_at": int64(1)}, {"verifier": verifier, "revoked_at": none},
			{"seal": seal, "revoked_at": none}, {"revoked_at": none, "verifier": zero}, {"revoked_at": none, "seal": zero},
			{"revoked_at": none, "format": none}, {"revoked_at": none, "replaced_by": before["id"], "extra": before["name"]},
			{"revoked_at": none, "verifier": s.value("seal"), "seal": s.value("verifier")},
		} {
			what := fmt.Sprint(slices.Sorted(maps.Keys(set)))
			if fmt.Sprint(set["verifier"]) == fmt.Sprint(s.value("verifier")) {
				delete(set, "verifier") // it is zero already
			}
			s.update(s.token.ID, set)
			s.refused(what, s.text, tampered)
			s.found(what, s.token.ID, tampered)
			s.restore()
			s.refused(what+", and back", s.text, hallpass.ReasonRevoked)
			s.canBeEnded(what, set)
		}
	})
}
