package hallpass

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stub is a store of one record and the Legacy that finds it, whatever the text is.
type stub struct{ record *Record }

func (s stub) Get(_ context.Context, id ID) (*Record, error) {
	if id != s.record.Token.ID {
		return nil, ErrNotFound
	}
	return s.record, nil
}
func (s stub) Write(context.Context, ...Change) error                { return ErrNotFound }
func (s stub) List(context.Context, Query) iter.Seq2[*Record, error] { return nil }
func (s stub) Candidates(string) []ID                                { return []ID{s.record.Token.ID} }
func (s stub) Material(_, text string) []byte                        { return []byte(text) }
func (s stub) Verify(context.Context, ID, string, string, string) (bool, error) {
	return true, nil
}

// sealed returns an Authority with one record under its seal.
func sealed(t *testing.T, r *Record, digest [32]byte) *Authority {
	keys, err := NewKeys(GenerateKey())
	require.NoError(t, err)
	s := stub{r}
	a, err := New(Config{Store: s, Keys: keys, Legacy: s})
	require.NoError(t, err)
	a.seal(r, &digest)
	return a
}

// Even a record that a key has sealed is opened from the one side or from the other, never from both: what Extra says decides.
func TestARecordIsOpenedFromOneSideOnly(t *testing.T) {
	body := strings.Repeat("A", bodyLength)
	sum := checksum("hp_" + body)
	native := "hp_" + body + string(sum[:])
	for extra, opens := range map[string]bool{
		"":                                  true,
		legacyMark + "fast":                 false,
		legacyMark + "slow fingerprint $2a": false,
	} {
		r := &Record{Token: Token{ID: ID(body[:idLength]), Resource: Workspace("acme")}, ScopeText: "account", Extra: extra}
		a := sealed(t, r, digest(body))
		_, err := a.Authenticate(t.Context(), native)
		assert.Equal(t, opens, err == nil, extra)
	}
	for extra, opens := range map[string]bool{
		"":                                  false,
		"x":                                 false,
		"legacy/2 fast":                     false,
		legacyMark + "fast":                 true,
		legacyMark + "slow fingerprint":     true,
		legacyMark + "slow fingerprint $2a": true,
	} {
		r := &Record{Token: Token{ID: "fast:17", Resource: Workspace("acme")}, ScopeText: "account", Extra: extra}
		a := sealed(t, r, digestOfMaterial("fast:17", []byte("text")))
		_, err := a.Authenticate(t.Context(), "text")
		assert.Equal(t, opens, err == nil, extra)
	}
}

// A vector, so that no later version changes what imported tokens are kept as.
func TestWhatIsHashedForAnImportedTokenIsFixed(t *testing.T) {
	want := sha256.Sum256([]byte("hallpass/v1/legacy\x00\x00\x00\x00\x07fast:17\x00\x00\x00\x04text"))
	assert.Equal(t, want, digestOfMaterial("fast:17", []byte("text")))
	assert.NotEqual(t, want, digestOfMaterial("fast:1", []byte("7text")))
	sum := sha256.Sum256([]byte("hallpass/v1/legacy-fingerprint\x00$2a$10$x"))
	assert.Equal(t, hex.EncodeToString(sum[:16]), fingerprintOf("$2a$10$x"))
	for _, o := range []origin{{scheme: "fast"}, {"slow", "fp", ""}, {"slow", "fp", "hash"}} {
		assert.Equal(t, o, (&Record{Extra: o.extra()}).origin())
	}
}

// An ID that has a record of another kind is taken, even if its digest is the same.
func TestARecordThatWasNotImportedIsInTheWayOfAnImport(t *testing.T) {
	digest := make([]byte, 32)
	r := &Record{Token: Token{ID: "fast:17", Resource: Workspace("acme"), Name: "x", CreatedBy: "x"}, ScopeText: "account"}
	a := sealed(t, r, digestOfMaterial("fast:17", digest))
	token := LegacyToken{
		Grant:  Grant{Name: "x", CreatedBy: "x", Resource: Workspace("acme"), Permissions: []Permission{AccountRead}},
		Digest: NewLegacyDigest("fast", "fast:17", digest),
	}
	for extra, want := range map[string]error{"": ErrConflict, legacyMark + "fast": nil} {
		r.Extra = extra
		a.seal(r, a.hashers[0].digestOf(r))
		_, _, err := a.bring(t.Context(), token, true)
		assert.ErrorIs(t, err, want)
	}
}
