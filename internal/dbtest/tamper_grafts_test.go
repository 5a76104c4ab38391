package dbtest

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
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

func TestAValueOfAnotherRowIsDead(t *testing.T) {
	t.Parallel()
	for name, mint := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, mint)
			peer, peerText := s.peer()
			for _, column := range s.names {
				if column == "id" {
					continue
				}
				for _, other := range []hallpass.Token{s.neighbour, peer} {
					what := column + " of " + string(other.ID)
					var same bool
					require.NoError(t, s.raw.QueryRowContext(t.Context(), "SELECT count(DISTINCT "+column+") = 1 FROM hallpass_tokens WHERE id IN (?, ?)",
						string(s.token.ID), string(other.ID)).Scan(&same))
					if same {
						continue
					}
					s.edit(what, s.token.ID, tampered, fmt.Sprintf(
						"UPDATE hallpass_tokens SET %[1]s = (SELECT %[1]s FROM saved WHERE id = ?) WHERE id = ?", column), string(other.ID), string(s.token.ID))
					// both ways
					swap := fmt.Sprintf("UPDATE hallpass_tokens AS h SET %[1]s = (SELECT %[1]s FROM saved WHERE id = iif(h.id = ?1, ?2, ?1)) WHERE id IN (?1, ?2)", column)
					if other.ID == peer.ID {
						must(t, s.raw, swap, string(s.token.ID), string(other.ID))
						s.refused(what, peerText, tampered)
						s.found(what, peer.ID, tampered)
						s.restore()
					}
					s.edit(what+", swapped", s.token.ID, tampered, swap, string(s.token.ID), string(other.ID))
				}
			}
			t.Logf("%d edits, each dead", s.edits)
		})
	}
}

// copied returns the statement that puts a copy of a row under another ID, in the place of what is there.
func (s *scene) copied(from string, columns ...string) string {
	var list []string
	for _, name := range s.names {
		if name != "id" && (len(columns) == 0 || slices.Contains(columns, name)) {
			list = append(list, name)
		}
	}
	all := strings.Join(list, ", ")
	return "UPDATE hallpass_tokens SET (" + all + ") = (SELECT " + all + " FROM " + from + " WHERE id = ?) WHERE id = ?"
}

func TestAGraftIsDead(t *testing.T) {
	t.Parallel()
	for name, mint := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, mint)
			peer, peerText := s.peer()
			for _, columns := range [][]string{
				nil, {"verifier"}, {"seal"}, {"verifier", "seal"}, {"verifier", "seal", "key_id"}, {"verifier", "seal", "key_id", "format"},
				{"scope", "verifier", "seal", "key_id"}, {"workspace", "project", "repository", "verifier", "seal", "key_id"},
			} {
				for _, other := range []hallpass.Token{peer, s.neighbour} {
					what := fmt.Sprintf("%v of %s", columns, other.ID)
					statement := s.copied("saved", columns...)
					s.edit(what, s.token.ID, tampered, statement, string(other.ID), string(s.token.ID))
					if other.ID == peer.ID {
						// The holder of the peer knows its secret, and now calls it by the ID of the victim.
						must(t, s.raw, statement, string(other.ID), string(s.token.ID))
						s.refused(what, forged(s.token.ID, peerText), tampered)
						s.restore()
					}
				}
			}
			require.Equal(t, peerText, forged(peer.ID, peerText))

			// A row is not copied under a new ID either, nor do two rows change places.
			const fresh = "00000000000000000000"
			list := strings.Join(s.names[1:], ", ")
			must(t, s.raw, "INSERT INTO hallpass_tokens (id, "+list+") SELECT ?, "+list+" FROM saved WHERE id = ?", fresh, string(peer.ID))
			s.refused("a copy", forged(fresh, peerText), tampered)
			s.found("a copy", fresh, tampered)
			s.restore()
			places := "UPDATE hallpass_tokens SET id = ?3 WHERE id = ?1; UPDATE hallpass_tokens SET id = ?1 WHERE id = ?2; UPDATE hallpass_tokens SET id = ?2 WHERE id = ?3"
			must(t, s.raw, places, string(s.token.ID), string(peer.ID), fresh)
			s.refused("places", peerText, tampered)
			s.restore()
			s.edit("places", s.token.ID, tampered, places, string(s.token.ID), string(peer.ID), fresh)
			s.edit("deleted", "", unknown, "DELETE FROM hallpass_tokens WHERE id = ?", string(s.token.ID))
			t.Logf("%d edits, each dead", s.edits)
		})
	}
}

func TestARowOfAnotherDeploymentIsDead(t *testing.T) {
	t.Parallel()
	s := newScene(t, victims["replacement"])
	elsewhere := func(cfg hallpass.Config) (hallpass.ID, string, string) {
		file := newFile(t)
		db := open(t, file, patient)
		cfg.Store = migrated(t, db)
		token, text := issue(t, hallpasstest.With(t, cfg), api)
		return token.ID, text, file
	}
	for what, c := range map[string]struct {
		cfg     hallpass.Config
		outcome string
	}{
		"of another realm":  {hallpass.Config{Keys: mustKeys(t, s.key), Realm: "staging"}, tampered},
		"of another prefix": {hallpass.Config{Keys: mustKeys(t, s.key), Prefix: "xx"}, tampered},
		"of another key":    {hallpass.Config{Realm: "staging"}, unavailable},
	} {
		id, text, file := elsewhere(c.cfg)
		must(t, s.raw, "ATTACH ? AS elsewhere", file)
		must(t, s.raw, "INSERT INTO hallpass_tokens SELECT * FROM elsewhere.hallpass_tokens")
		s.refused(what, forged(id, text), c.outcome)
		s.found(what, id, c.outcome)
		s.restore()
		// Its content under an ID that is known here:
		s.edit(what, s.token.ID, c.outcome, s.copied("elsewhere.hallpass_tokens"), string(id), string(s.token.ID))
		must(t, s.raw, "DETACH elsewhere")
	}

	// A row of the same realm and key is one of this deployment, wherever it was: that is how a backup works.
	id, text, file := elsewhere(hallpass.Config{Keys: mustKeys(t, s.key)})
	must(t, s.raw, "ATTACH ? AS elsewhere", file)
	must(t, s.raw, "INSERT INTO hallpass_tokens SELECT * FROM elsewhere.hallpass_tokens")
	token, err := s.a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	assert.Equal(t, id, token.ID)
}
