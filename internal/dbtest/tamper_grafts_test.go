package dbtest

import (
	"fmt"
	"hash/crc32"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// peer adds a second token under the same key to a scene, and returns it with its text.
func (s *scene) peer() (hallpass.Token, string) {
	peer, text := issue(s.t, s.a, hallpass.Repository("ACME", "api2"))
	s.keep()
	return peer, text
}

// forged returns a text that is in order, of an ID and the secret of another token.
func forged(id hallpass.ID, text string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := "hp_" + string(id) + text[3+20:3+20+35]
	sum := make([]byte, 6)
	for i, crc := 5, crc32.ChecksumIEEE([]byte(body)); i >= 0; i, crc = i-1, crc/62 {
		sum[i] = digits[crc%62]
	}
	return body + string(sum)
}

// of returns some columns of the row with an ID; all but the ID, if none is named.
func (s *scene) of(id hallpass.ID, columns ...string) cols {
	row := maps.Clone(s.rows[string(id)])
	delete(row, "id")
	if len(columns) > 0 {
		maps.DeleteFunc(row, func(name string, _ any) bool {
			for _, c := range columns {
				if c == name {
					return false
				}
			}
			return true
		})
	}
	return row
}

func TestAValueOfAnotherRowIsDead(t *testing.T) {
	t.Parallel()
	onEachVictim(t, func(t *testing.T, s *scene) {
		peer, peerText := s.peer()
		for _, column := range s.names {
			if column == "id" {
				continue
			}
			for _, other := range []hallpass.Token{s.neighbour, peer} {
				what := column + " of " + string(other.ID)
				mine, others := s.of(s.token.ID, column), s.of(other.ID, column)
				if fmt.Sprint(mine) == fmt.Sprint(others) {
					continue
				}
				s.edit(what, s.token.ID, tampered, func() { s.update(s.token.ID, others) })
				// both ways
				swap := func() { s.update(s.token.ID, others); s.update(other.ID, mine) }
				if other.ID == peer.ID {
					swap()
					s.refused(what, peerText, tampered)
					s.found(what, peer.ID, tampered)
					s.restore()
				}
				s.edit(what+", swapped", s.token.ID, tampered, swap)
			}
		}
	})
}

func TestAGraftIsDead(t *testing.T) {
	t.Parallel()
	onEachVictim(t, func(t *testing.T, s *scene) {
		peer, peerText := s.peer()
		for _, columns := range [][]string{
			nil, {"verifier"}, {"seal"}, {"verifier", "seal"}, {"verifier", "seal", "key_id"}, {"verifier", "seal", "key_id", "format"},
			{"scope", "verifier", "seal", "key_id"}, {"workspace", "project", "repository", "verifier", "seal", "key_id"},
		} {
			for _, other := range []hallpass.Token{peer, s.neighbour} {
				what := fmt.Sprintf("%v of %s", columns, other.ID)
				graft := func() { s.update(s.token.ID, s.of(other.ID, columns...)) }
				s.edit(what, s.token.ID, tampered, graft)
				if other.ID == peer.ID {
					// The holder of the peer knows its secret, and now calls it by the ID of the victim.
					graft()
					s.refused(what, forged(s.token.ID, peerText), tampered)
					s.restore()
				}
			}
		}
		require.Equal(t, peerText, forged(peer.ID, peerText))

		// A row is not copied under a new ID either, nor do two rows change places.
		const fresh = "00000000000000000000"
		own, others := s.rows[string(s.token.ID)]["id"], s.rows[string(peer.ID)]["id"]
		copied := maps.Clone(s.rows[string(peer.ID)])
		copied["id"] = like(own, []byte(fresh))
		s.insert(s.raw, copied)
		s.refused("a copy", forged(fresh, peerText), tampered)
		s.found("a copy", fresh, tampered)
		s.restore()
		places := func() {
			s.delete(s.token.ID)
			s.delete(peer.ID)
			a, b := maps.Clone(s.rows[string(s.token.ID)]), maps.Clone(s.rows[string(peer.ID)])
			a["id"], b["id"] = others, own
			s.insert(s.raw, a)
			s.insert(s.raw, b)
		}
		places()
		s.refused("places", peerText, tampered)
		s.restore()
		s.edit("places", s.token.ID, tampered, places)
		s.edit("deleted", "", unknown, func() { s.delete(s.token.ID) })
	})
}

func TestARowOfAnotherDeploymentIsDead(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		s := newScene(t, e, victims["replacement"])
		elsewhere := func(cfg hallpass.Config) (id hallpass.ID, text string, row cols) {
			there := newScene(t, e, func(there *scene) (hallpass.Token, string) {
				cfg.Store = there.store
				return issue(t, hallpasstest.With(t, cfg), api)
			})
			return there.token.ID, there.text, there.rows[string(there.token.ID)]
		}
		for what, c := range map[string]struct {
			cfg     hallpass.Config
			outcome string
		}{
			"of another realm":  {hallpass.Config{Keys: mustKeys(t, s.key), Realm: "staging"}, tampered},
			"of another prefix": {hallpass.Config{Keys: mustKeys(t, s.key), Prefix: "xx"}, tampered},
			"of another key":    {hallpass.Config{Realm: "staging"}, unavailable},
		} {
			id, text, row := elsewhere(c.cfg)
			s.insert(s.raw, row)
			s.refused(what, forged(id, text), c.outcome)
			s.found(what, id, c.outcome)
			s.restore()
			// Its content under an ID that is known here:
			delete(row, "id")
			s.edit(what, s.token.ID, c.outcome, func() { s.update(s.token.ID, row) })
		}

		// A row of the same realm and key is one of this deployment, wherever it was: that is how a backup works.
		id, text, row := elsewhere(hallpass.Config{Keys: mustKeys(t, s.key)})
		s.insert(s.raw, row)
		token, err := s.a.Authenticate(t.Context(), text)
		require.NoError(t, err)
		assert.Equal(t, id, token.ID)
	})
}
