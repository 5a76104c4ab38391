package hallpass_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// withChecksum is s with the checksum that belongs there, as anybody can make it who knows the format.
func withChecksum(s string) string {
	crc := crc32.ChecksumIEEE([]byte(s))
	digits := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		digits[i] = base62[crc%62]
		crc /= 62
	}
	return s + string(digits)
}

func TestATokenHasItsDocumentedForm(t *testing.T) {
	for _, prefix := range []string{"hp", "acmecorp0123"} {
		a := hallpasstest.With(t, hallpass.Config{Prefix: prefix})
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		assert.Regexp(t, `^`+prefix+`_[0-9A-Za-z]{20}[0-9A-Za-z]{35}[0-9A-Za-z]{6}$`, text)
		assert.Equal(t, string(token.ID), text[len(prefix)+1:][:20])
		assert.Equal(t, withChecksum(text[:len(text)-6]), text)
		assert.True(t, a.Recognizes(text))
	}
	// A vector, so that no change of the alphabet or of the checksum passes unseen.
	assert.Equal(t, "hp_00000000000000000000000000000000000000000000000000000003sPXNj", withChecksum("hp_"+strings.Repeat("0", 55)))
}

// Of all changes of one byte, of all truncations, extensions and re-casings, none is a token.
func TestATokenHasOneSpelling(t *testing.T) {
	asked := 0
	store := &hooked{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	refused := func(s string) {
		t.Helper()
		if s == text {
			return
		}
		asked++
		if _, err := a.Authenticate(t.Context(), s); err != hallpass.ErrUnauthenticated {
			t.Errorf("%q: %v", s, err)
		}
	}
	for i := range len(text) {
		for c := range 256 {
			s := text[:i] + string([]byte{byte(c)}) + text[i+1:]
			refused(s)
			refused(withChecksum(s[:58]))
		}
		refused(text[:i])
		refused(text[i+1:])
		refused(text[:i] + text[i+1:])
		refused(text[:i] + text[i:i+1] + text[i:])
		if i > 0 {
			refused(text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:])
		}
	}
	for _, s := range []string{
		strings.ToUpper(text), strings.ToLower(text), "HP" + text[2:], " " + text, text + " ", text + "\n", "\ufeff" + text, text + "\x00", "\t" + text,
		text + "\u00ad", text + "\u200b", text + text, strings.Repeat(text, 1000), strings.Repeat("x", 1<<20), "hp_", "hp", "_",
		strings.ReplaceAll(text, "_", "\uff3f"), "Bearer " + text, text[3:], "hq" + text[2:], "h" + text[1:2] + "-" + text[3:],
		withChecksum("hq" + text[2:58]), withChecksum(text[:57]), withChecksum(text[:58] + "0"),
	} {
		refused(s)
	}
	t.Logf("%d spellings, none accepted", asked)
	_, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
}

func TestWhatHasNoShapeNeverReachesTheStore(t *testing.T) {
	store := &hooked{Store: memstore.New()}
	a, l := observed(t, store)
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	l.take()
	store.Store = nil // whoever asks it panics
	odd := withChecksum(text[:30] + "-" + text[31:58])
	for _, s := range []string{"", "x", text[:63], text[:63] + "!", strings.ToUpper(text), odd, withChecksum("hq" + text[2:58])} {
		_, err := a.Authenticate(t.Context(), s)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.False(t, a.Recognizes(s))
	}
	assert.EqualValues(t, 7, a.Malformed())
	assert.Empty(t, l.take(), "garbage cannot flood the audit log")
}

func TestEveryCharacterIsAsLikelyAsAnyOther(t *testing.T) {
	a := hallpasstest.New(t)
	const n = 3000
	var count [55]map[byte]int
	for i := range count {
		count[i] = map[byte]int{}
	}
	total := map[byte]int{}
	for range n {
		_, text := issue(t, a, api, hallpass.RepositoryRead)
		for i := range 55 {
			count[i][text[3+i]]++
			total[text[3+i]]++
		}
	}
	for i := range count {
		assert.Len(t, count[i], 62, "position %d", i)
	}
	// Chi-squared with 61 degrees of freedom is above 130 once in a million times; modulo bias, at 256 %% 62 = 8, would give some 2,300.
	expected, chi := float64(n*55)/62, 0.0
	for i := range base62 {
		d := float64(total[base62[i]]) - expected
		chi += d * d / expected
	}
	assert.Less(t, chi, 130.0)
}

// Wherever a Secret is put and however that is written, the text does not appear.
func TestNothingShowsASecret(t *testing.T) {
	a := hallpasstest.New(t)
	token, secret, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	require.NoError(t, err)
	hidden := secret.Reveal()[23:]
	label := "hp_" + string(token.ID) + "..."

	type holder struct{ secret hallpass.Secret }
	type exported struct{ Secret hallpass.Secret }
	type nested struct {
		inner *holder
		list  []hallpass.Secret
	}
	values := map[string]any{
		"itself": secret, "pointer": &secret, "unexported": holder{secret}, "pointer to unexported": &holder{secret}, "exported": exported{secret},
		"slice": []hallpass.Secret{secret}, "array": [1]hallpass.Secret{secret}, "map": map[string]hallpass.Secret{"k": secret}, "nested": nested{&holder{secret}, []hallpass.Secret{secret}},
		"any": []any{secret, &secret}, "error": fmt.Errorf("failed with %v and %w", secret, errors.New("cause")), "event": hallpass.Event{Token: token, Err: fmt.Errorf("%s", secret)},
		"func": secret.Reveal, "token": token,
	}
	for name, v := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %p %T %c %U %e %b %o %O %64v %-64s %.3s %08x") {
			assertHides(t, hidden, fmt.Sprintf(verb, v), name+" "+verb)
		}
		assertHides(t, hidden, fmt.Sprint(v)+fmt.Sprintln(v), name)

		var b bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("x", "value", v, slog.Group("g", "value", v))
		}
		j, _ := json.Marshal(v)
		x, _ := xml.Marshal(v)
		b.Write(j)
		b.Write(x)
		_ = gob.NewEncoder(&b).Encode(v)
		_ = template.Must(template.New("").Parse("{{.}} {{printf `%v %+v %#v` . . .}}")).Execute(&b, v)
		assertHides(t, hidden, b.String(), name)
	}
	assert.Equal(t, label, secret.String())
	assert.Equal(t, label, fmt.Sprintf("%#v", secret))
	assert.Equal(t, label, secret.LogValue().String())
	j, err := json.Marshal(exported{secret})
	require.NoError(t, err)
	assert.JSONEq(t, `{"Secret":"`+label+`"}`, string(j))

	assert.Equal(t, "", hallpass.Secret{}.Reveal())
	assert.Equal(t, "", fmt.Sprint(hallpass.Secret{}))
}

// assertHides looks for any eight bytes of the hidden text in a row, as they are, in hex, and as decimal bytes.
func assertHides(t *testing.T, hidden, shown, where string) {
	t.Helper()
	for i := range len(hidden) - 8 {
		part := hidden[i : i+8]
		for _, form := range []string{part, fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), strings.Trim(fmt.Sprint([]byte(part)), "[]")} {
			if strings.Contains(shown, form) {
				t.Fatalf("%s shows a secret: %s", where, shown)
			}
		}
	}
}

func TestAnIssuedTokenSharesNoMemoryWithItsSecret(t *testing.T) {
	l := &log{}
	a := hallpasstest.With(t, hallpass.Config{Observe: l.observe})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	authenticated, err := a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	unknown := withChecksum("hp_" + strings.Repeat("u", 55))
	_, err = a.Authenticate(t.Context(), unknown)
	require.Equal(t, hallpass.ErrUnauthenticated, err)
	events := l.take()
	for _, id := range []hallpass.ID{token.ID, authenticated.ID, events[0].Token.ID} {
		assert.False(t, within(string(id), text))
	}
	assert.Equal(t, hallpass.ID(strings.Repeat("u", 20)), events[1].Token.ID)
	assert.False(t, within(string(events[1].Token.ID), unknown))
}

func FuzzRecognizes(f *testing.F) {
	a := hallpasstest.New(f)
	_, text := issue(f, a, api, hallpass.RepositoryRead)
	f.Add(text)
	f.Add("")
	f.Add(withChecksum("hp_" + strings.Repeat("z", 55)))
	f.Fuzz(func(t *testing.T, s string) {
		if a.Recognizes(s) && (len(s) != 64 || s[:3] != "hp_" || withChecksum(s[:58]) != s || strings.Trim(s[3:], base62) != "") {
			t.Errorf("%q is recognized", s)
		}
		if _, err := a.Authenticate(t.Context(), s); (err == nil) != (s == text) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
