package legacyhash_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/legacyhash"
)

var (
	api    = hallpass.Repository("acme", "api")
	lookup = legacyhash.NewKey([]byte("0123456789abcdef0123456789abcdef"))
)

// scheme ends the test if there is an error.
func scheme(t testing.TB) func(s *legacyhash.Scheme, err error) *legacyhash.Scheme {
	return func(s *legacyhash.Scheme, err error) *legacyhash.Scheme {
		t.Helper()
		require.NoError(t, err)
		return s
	}
}

// set is a Set of schemes.
func set(t testing.TB, schemes ...*legacyhash.Scheme) *legacyhash.Set {
	t.Helper()
	s, err := legacyhash.New(legacyhash.Config{Schemes: schemes})
	require.NoError(t, err)
	return s
}

// stored is what a row keeps.
func stored(t testing.TB, s *legacyhash.Scheme, selector, digest string) hallpass.LegacyDigest {
	t.Helper()
	d, err := s.Stored(selector, digest)
	require.NoError(t, err)
	return d
}

// imported returns an Authority with a token for each of the digests.
func imported(t testing.TB, s *legacyhash.Set, digests ...hallpass.LegacyDigest) (a *hallpass.Authority, ids []hallpass.ID) {
	t.Helper()
	a = hallpasstest.With(t, hallpass.Config{Legacy: s})
	for result, err := range a.Import(context.Background(), rows(digests...), hallpass.ImportOptions{}) {
		require.NoError(t, err)
		require.Equal(t, hallpass.ImportAdded, result.Status)
		ids = append(ids, result.ID)
	}
	require.Len(t, ids, len(digests))
	return a, ids
}

func rows(digests ...hallpass.LegacyDigest) iter.Seq2[hallpass.LegacyToken, error] {
	return func(yield func(hallpass.LegacyToken, error) bool) {
		for _, d := range digests {
			g := hallpass.Grant{Name: "old", CreatedBy: "user-1", Resource: api, Permissions: []hallpass.Permission{hallpass.RepositoryRead}}
			if !yield(hallpass.LegacyToken{Grant: g, Digest: d}, nil) {
				return
			}
		}
	}
}

// opens reports which ID a text opens, and "" for none.
func opens(t testing.TB, a *hallpass.Authority, text string) hallpass.ID {
	t.Helper()
	token, err := a.Authenticate(context.Background(), text)
	if err != nil {
		require.True(t, err == hallpass.ErrUnauthenticated, "%v", err)
		return ""
	}
	return token.ID
}

// spellings are changes of a token which are no tokens: nothing is trimmed, folded or cut.
func spellings(text string) map[string]string {
	all := map[string]string{
		"space before": " " + text, "space after": text + " ", "newline": text + "\n", "tab": "\t" + text, "NUL": text + "\x00",
		"cut": text[:len(text)-1], "cut before": text[1:], "longer": text + "0", "longer before": "0" + text, "twice": text + text, "empty": "",
		"not ASCII": text[:len(text)-1] + "é", "full width": text[:len(text)-1] + "ａ", "Bearer": "Bearer " + text, "long": strings.Repeat(text, 20),
	}
	if up := strings.ToUpper(text); up != text {
		all["upper case"] = up
	}
	if low := strings.ToLower(text); low != text {
		all["lower case"] = low
	}
	for i := range text {
		other := byte('0')
		if text[i] == other {
			other = '1'
		}
		all["byte "+text[:i]] = text[:i] + string(other) + text[i+1:]
	}
	return all
}

// refuses checks that of the spellings of a token none opens anything.
func refuses(t testing.TB, a *hallpass.Authority, text string) {
	t.Helper()
	for name, s := range spellings(text) {
		require.Empty(t, opens(t, a, s), name)
	}
}
