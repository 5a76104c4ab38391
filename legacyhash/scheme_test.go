package legacyhash_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/legacyhash"
)

// fast is a sound Fast, found by its digest.
func fast() legacyhash.Fast {
	return legacyhash.Fast{
		Name:      "fast",
		Shapes:    []legacyhash.Shape{{Prefix: "t_", Alphabet: legacyhash.Alphanumeric, Min: 20, Max: 40}},
		Hash:      legacyhash.SHA256,
		Encoding:  legacyhash.Hex,
		LookupKey: lookup,
	}
}

const fastText = "t_0123456789abcdefghijKLMNOPQRST"

func TestEveryFastSchemeOpensWhatWasKept(t *testing.T) {
	key, pepper := []byte("a key of some length"), []byte("a pepper")
	sum256 := func(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }
	sum512 := func(s string) []byte { d := sha512.Sum512([]byte(s)); return d[:] }
	for name, row := range map[string]struct {
		edit   func(*legacyhash.Fast)
		digest []byte
	}{
		"sha256":        {func(*legacyhash.Fast) {}, sum256(fastText)},
		"sha512":        {func(f *legacyhash.Fast) { f.Hash = legacyhash.SHA512 }, sum512(fastText)},
		"pepper before": {func(f *legacyhash.Fast) { f.Before = legacyhash.NewKey(pepper) }, sum256("a pepper" + fastText)},
		"pepper after":  {func(f *legacyhash.Fast) { f.After = legacyhash.NewKey(pepper) }, sum256(fastText + "a pepper")},
		"hmac": {func(f *legacyhash.Fast) { f.Hash, f.Key = legacyhash.HMACSHA256, legacyhash.NewKey(key) }, func() []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(fastText))
			return h.Sum(nil)
		}()},
	} {
		for encoding, encode := range map[legacyhash.Encoding]func([]byte) string{
			legacyhash.Hex:       hex.EncodeToString,
			legacyhash.Base64:    base64.StdEncoding.EncodeToString,
			legacyhash.Base64Raw: base64.RawStdEncoding.EncodeToString,
			legacyhash.URL64:     base64.URLEncoding.EncodeToString,
			legacyhash.URL64Raw:  base64.RawURLEncoding.EncodeToString,
			legacyhash.Raw:       func(b []byte) string { return string(b) },
		} {
			f := fast()
			row.edit(&f)
			f.Encoding = encoding
			s := scheme(t)(f.Scheme())
			kept := encode(row.digest)
			a, ids := imported(t, set(t, s), stored(t, s, "", kept))
			assert.Equal(t, ids[0], opens(t, a, fastText), name)
			assert.Regexp(t, `^fast:[0-9a-f]{32}$`, ids[0])
			for _, text := range []string{kept, "t_" + kept, string(row.digest), "t_" + strings.TrimPrefix(string(ids[0]), "fast:")} {
				assert.Empty(t, opens(t, a, text), "what is stored opens nothing")
			}
			for _, bad := range []string{"", kept[1:], kept + "A", kept + "\n", kept[:4] + "\n" + kept[4:], "!" + kept[1:]} {
				if encoding == legacyhash.Raw && len(bad) == len(kept) {
					continue
				}
				_, err := s.Stored("", bad)
				assert.ErrorIs(t, err, hallpass.ErrInvalid, "%d %q", encoding, bad)
			}
		}
	}
}

func TestATokenOfAFastSchemeHasOneSpelling(t *testing.T) {
	s := scheme(t)(fast().Scheme())
	sum := sha256.Sum256([]byte(fastText))
	a, _ := imported(t, set(t, s), stored(t, s, "", hex.EncodeToString(sum[:])))
	refuses(t, a, fastText)
}

// Whoever has neither the LookupKey nor the pepper can tell nothing from an ID.
func TestIDsOfAFastSchemeBelongToItsLookupKeyItsNameAndTheDigest(t *testing.T) {
	seen := map[hallpass.ID]bool{}
	for _, edit := range []func(*legacyhash.Fast){
		func(*legacyhash.Fast) {},
		func(f *legacyhash.Fast) { f.LookupKey = legacyhash.NewKey(bytes.Repeat([]byte("ab"), 16)) },
		func(f *legacyhash.Fast) { f.Name = "other" },
		func(f *legacyhash.Fast) { f.After = legacyhash.NewKey([]byte("x")) },
	} {
		f := fast()
		edit(&f)
		ids := set(t, scheme(t)(f.Scheme())).Candidates(fastText)
		require.Len(t, ids, 1)
		_, found, _ := strings.Cut(string(ids[0]), ":")
		assert.False(t, seen[hallpass.ID(found)])
		seen[hallpass.ID(found)] = true
		sum := sha256.Sum256([]byte(fastText))
		assert.NotContains(t, string(ids[0]), hex.EncodeToString(sum[:4]))
	}
}

func TestASchemeThatIsNotSoundIsRefused(t *testing.T) {
	for why, edit := range map[string]func(*legacyhash.Fast){
		"the name":              func(f *legacyhash.Fast) { f.Name = "" },
		"the name of":           func(f *legacyhash.Fast) { f.Name = "a:b" },
		"the name of a":         func(f *legacyhash.Fast) { f.Name = strings.Repeat("a", 33) },
		"without a Shape":       func(f *legacyhash.Fast) { f.Shapes = nil },
		"Shape.Prefix":          func(f *legacyhash.Fast) { f.Shapes = []legacyhash.Shape{{}} },
		"visible":               func(f *legacyhash.Fast) { f.Shapes[0].Prefix = "é" },
		"visible ASCII":         func(f *legacyhash.Fast) { f.Shapes[0].Alphabet = "a b" },
		"Shape.Min 0":           func(f *legacyhash.Fast) { f.Shapes[0].Min = 0 },
		"Max 19":                func(f *legacyhash.Fast) { f.Shapes[0].Max = 19 },
		"1024":                  func(f *legacyhash.Fast) { f.Shapes[0].Max = 1023 },
		"Fast.Hash 0":           func(f *legacyhash.Fast) { f.Hash = 0 },
		"Fast.Hash 5":           func(f *legacyhash.Fast) { f.Hash = 5 },
		"Fast.Key":              func(f *legacyhash.Fast) { f.Hash = legacyhash.HMACSHA256 },
		"Fast.Key;":             func(f *legacyhash.Fast) { f.Hash = legacyhash.HMACSHA512 },
		"nothing else has":      func(f *legacyhash.Fast) { f.Key = lookup },
		"Fast.Encoding 0":       func(f *legacyhash.Fast) { f.Encoding = 0 },
		"Fast.Encoding 7":       func(f *legacyhash.Fast) { f.Encoding = 7 },
		"without Split":         func(f *legacyhash.Fast) { f.LookupKey = legacyhash.NewKey(nil) },
		"LookupKey of 31 bytes": func(f *legacyhash.Fast) { f.LookupKey = legacyhash.NewKey(make([]byte, 31)) },
		"at random":             func(f *legacyhash.Fast) { f.LookupKey = legacyhash.NewKey(make([]byte, 32)) },
	} {
		f := fast()
		edit(&f)
		_, err := f.Scheme()
		assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
		assert.ErrorContains(t, err, why)
	}
	slow := legacyhash.Slow{Name: "slow", Shapes: []legacyhash.Shape{{Alphabet: "ab.", Min: 3, Max: 9}}, Split: legacyhash.SplitAt("", ".")}
	for why, edit := range map[string]func(*legacyhash.Slow){
		"the name":       func(s *legacyhash.Slow) { s.Name = "A" },
		"Slow.Split":     func(s *legacyhash.Slow) { s.Split = nil },
		"Slow.Shared -1": func(s *legacyhash.Slow) { s.Shared = -1 },
		"Slow.Shared 5":  func(s *legacyhash.Slow) { s.Shared = 5 },
	} {
		s := slow
		edit(&s)
		_, err := s.Scheme()
		assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
		assert.ErrorContains(t, err, why)
	}
	assert.Panics(t, func() { legacyhash.SplitAt("x", "") })
	for _, f := range []func() (*legacyhash.Scheme, error){
		func() (*legacyhash.Scheme, error) { return legacyhash.Sanctum("a|b") },
		func() (*legacyhash.Scheme, error) { return legacyhash.Sanctum("é") },
		func() (*legacyhash.Scheme, error) { return legacyhash.SanctumWithoutID("a|b", lookup) },
		func() (*legacyhash.Scheme, error) { return legacyhash.SanctumWithoutID("", legacyhash.Key{}) },
		func() (*legacyhash.Scheme, error) {
			return legacyhash.GitLab("glpat-", strings.Repeat("x", 31), lookup)
		},
		func() (*legacyhash.Scheme, error) {
			return legacyhash.GitLab("glpat-", strings.Repeat("é", 16), lookup)
		},
		func() (*legacyhash.Scheme, error) {
			return legacyhash.GitLab("glpat-", strings.Repeat("x", 32), legacyhash.Key{})
		},
		func() (*legacyhash.Scheme, error) { return legacyhash.Sourcegraph("a_b", lookup) },
		func() (*legacyhash.Scheme, error) { return legacyhash.Sourcegraph("", legacyhash.Key{}) },
		func() (*legacyhash.Scheme, error) { return legacyhash.BcryptTable("own", "", "") },
		func() (*legacyhash.Scheme, error) { return legacyhash.BcryptTable("own", "", " ") },
		func() (*legacyhash.Scheme, error) { return legacyhash.BcryptTable("own", "é", ".") },
	} {
		_, err := f()
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
	}
}

func TestASetThatIsNotSoundIsRefused(t *testing.T) {
	f := fast()
	a := scheme(t)(f.Scheme())
	f.Name = "other"
	b := scheme(t)(f.Scheme())
	hex40 := scheme(t)(legacyhash.Fast{Name: "hex", Shapes: []legacyhash.Shape{{Alphabet: legacyhash.LowerHex, Min: 32, Max: 40}},
		Hash: legacyhash.SHA256, Encoding: legacyhash.Hex, LookupKey: lookup}.Scheme())
	for why, cfg := range map[string]legacyhash.Config{
		"one or more":    {},
		"none of them":   {Schemes: []*legacyhash.Scheme{a, nil}},
		"the name":       {Schemes: []*legacyhash.Scheme{a, a}},
		"Concurrency -1": {Schemes: []*legacyhash.Scheme{a}, Concurrency: -1},
		"Failures -1":    {Schemes: []*legacyhash.Scheme{a}, Failures: -1},
		"too alike":      {Schemes: []*legacyhash.Scheme{a, legacyhash.Gitea(), hex40}},
	} {
		_, err := legacyhash.New(cfg)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
		assert.ErrorContains(t, err, why)
	}
	s := set(t, a, b, legacyhash.Gitea())
	assert.Len(t, s.Candidates(fastText), 2)
	assert.Len(t, s.Candidates(strings.Repeat("0", 40)), 4)
	assert.Equal(t, "gitea", legacyhash.Gitea().Name())
	// Shapes that touch, and such that do not.
	for _, row := range []struct {
		shape legacyhash.Shape
		apart bool
	}{
		{legacyhash.Shape{Alphabet: "xa", Min: 40, Max: 50}, false},
		{legacyhash.Shape{Alphabet: "xyz", Min: 40, Max: 50}, true},
		{legacyhash.Shape{Alphabet: "xa", Min: 41, Max: 50}, true},
		{legacyhash.Shape{Alphabet: "xa", Min: 1, Max: 39}, true},
		{legacyhash.Shape{Alphabet: "xa", Min: 1, Max: 40}, false},
		{legacyhash.Shape{Prefix: "ab", Alphabet: "xa", Min: 38, Max: 38}, false},
		{legacyhash.Shape{Prefix: "ax", Alphabet: "xa", Min: 38, Max: 38}, true},
		{legacyhash.Shape{Prefix: "ab", Alphabet: "xa", Min: 39, Max: 40}, true},
		{legacyhash.Shape{Prefix: "ab", Alphabet: "xa", Min: 30, Max: 37}, true},
	} {
		touching := scheme(t)(legacyhash.Fast{Name: "touching", Shapes: []legacyhash.Shape{row.shape},
			Hash: legacyhash.SHA256, Encoding: legacyhash.Hex, LookupKey: lookup}.Scheme())
		for _, schemes := range [][]*legacyhash.Scheme{{legacyhash.Gitea(), touching}, {touching, legacyhash.Gitea()}} {
			_, err := legacyhash.New(legacyhash.Config{Schemes: schemes})
			assert.Equal(t, row.apart, err == nil, "%v", row.shape)
		}
	}
}

func TestSelectorsAreStrict(t *testing.T) {
	s := scheme(t)(legacyhash.Slow{Name: "slow", Shapes: []legacyhash.Shape{{Alphabet: visible, Min: 1, Max: 200}}, Split: legacyhash.SplitAt("", "|")}.Scheme())
	known := set(t, s)
	hash := "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	long := strings.Repeat("a", 64)
	for _, good := range []string{"17", "a-b_C", long} {
		assert.Equal(t, []hallpass.ID{hallpass.ID("slow:" + good)}, known.Candidates(good+"|secret"))
		_, err := s.Stored(good, hash)
		assert.NoError(t, err)
	}
	for _, bad := range []string{"", "1.2", "a/b", "a:b", "a b", "é", long + "a", "a\x00"} {
		assert.Empty(t, known.Candidates(bad+"|secret"), bad)
		_, err := s.Stored(bad, hash)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, bad)
	}
	assert.Empty(t, known.Candidates("17|"), "no secret")
	assert.Empty(t, known.Candidates("17"))
	f := scheme(t)(fast().Scheme())
	_, err := f.Stored("17", strings.Repeat("0", 64))
	assert.ErrorIs(t, err, hallpass.ErrInvalid, "a scheme with a LookupKey has none")
	g := fast()
	g.LookupKey, g.Split = legacyhash.Key{}, legacyhash.SplitAt("", "|")
	_, err = scheme(t)(g.Scheme()).Stored("1.2", strings.Repeat("0", 64))
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
}

func TestTokensOfTheUsualTablesHaveOneSpelling(t *testing.T) {
	sum := func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) }
	body := "0123456789abcdefghijABCDEFGHIJ0123456789"
	for _, prefix := range []string{"", "acme_"} {
		for _, secret := range []string{prefix + body, prefix + body + "0a1b2c3d", prefix + body + body} {
			sanctum := scheme(t)(legacyhash.Sanctum(prefix))
			a, ids := imported(t, set(t, sanctum), stored(t, sanctum, "17", sum(secret)))
			assert.Equal(t, ids[0], opens(t, a, "17|"+secret))
			refuses(t, a, "17|"+secret)
			for _, text := range []string{secret, "|" + secret, "18|" + secret, "017|" + secret, "1|7|" + secret, "17||" + secret, "17|" + sum(secret)} {
				assert.Empty(t, opens(t, a, text), text)
			}
			alone := scheme(t)(legacyhash.SanctumWithoutID(prefix, lookup))
			a, ids = imported(t, set(t, alone), stored(t, alone, "", sum(secret)))
			assert.Equal(t, ids[0], opens(t, a, secret))
			refuses(t, a, secret)
			assert.Empty(t, opens(t, a, "17|"+secret))
		}
	}
	assert.Empty(t, set(t, scheme(t)(legacyhash.Sanctum(""))).Candidates("17|"+body[1:]))
	plain := set(t, scheme(t)(legacyhash.Sanctum("")))
	for _, text := range []string{"17|" + body[1:] + "-", strings.Repeat("1", 37) + "|" + body} {
		assert.Empty(t, plain.Candidates(text), text)
	}
	for _, text := range []string{"17|" + body, strings.Repeat("1", 36) + "|" + body, strings.Repeat("a", 36) + "|" + body + body} {
		assert.Len(t, plain.Candidates(text), 1, text)
	}

	base := strings.Repeat("0123456789abcdef", 8)
	gitlab := scheme(t)(legacyhash.GitLab("glpat-", base, lookup))
	for _, text := range []string{"glpat-0123456789abcdef-_gh", "glpat-" + strings.Repeat("aB3-", 10) + ".01.0123abc"} {
		d := sha256.Sum256([]byte(text + base[:32]))
		kept := base64.StdEncoding.EncodeToString(d[:])
		a, ids := imported(t, set(t, gitlab), stored(t, gitlab, "", kept))
		assert.Equal(t, ids[0], opens(t, a, text))
		refuses(t, a, text)
		assert.Empty(t, opens(t, a, kept))
	}

	raw := "0123456789abcdef0123456789abcdef01234567"
	decoded, err := hex.DecodeString(raw)
	require.NoError(t, err)
	d := sha256.Sum256(decoded)
	for _, instance := range []string{"", "a1B2"} {
		sourcegraph := scheme(t)(legacyhash.Sourcegraph(instance, lookup))
		a, ids := imported(t, set(t, sourcegraph), stored(t, sourcegraph, "", string(d[:])))
		assert.Equal(t, ids[0], opens(t, a, "sgp_"+raw))
		refuses(t, a, "sgp_"+raw)
		if instance != "" {
			assert.Equal(t, ids[0], opens(t, a, "sgp_a1B2_"+raw))
			refuses(t, a, "sgp_a1B2_"+raw)
		}
		for _, text := range []string{raw, "sgp_other_" + raw, "sgp__" + raw, "sgp_" + strings.ToUpper(raw)} {
			assert.Empty(t, opens(t, a, text))
		}
	}

	table := scheme(t)(legacyhash.BcryptTable("own", "own_", "."))
	hash, err := bcrypt.GenerateFromPassword([]byte(body), bcrypt.MinCost)
	require.NoError(t, err)
	for used := range 2 {
		a, ids := imported(t, set(t, table), stored(t, table, "17", string(hash)))
		text := "own_17." + body
		if used == 1 {
			assert.Equal(t, ids[0], opens(t, a, text))
			refuses(t, a, text)
		}
		assert.Equal(t, ids[0], opens(t, a, text))
		for _, text := range []string{string(hash), "own_17." + string(hash), "own_18." + body, "own_17.." + body, "17." + body} {
			assert.Empty(t, opens(t, a, text))
		}
	}
}

// A secret of 16 to 72 characters, and not one more: bcrypt would not see it.
func TestABcryptTableHasSecretsThatBcryptSeesInFull(t *testing.T) {
	known := set(t, scheme(t)(legacyhash.BcryptTable("own", "", ".")))
	for n, want := range map[int]int{15: 0, 16: 1, 72: 1, 73: 0} {
		assert.Len(t, known.Candidates("17."+strings.Repeat("x", n)), want, n)
		assert.Len(t, known.Candidates(strings.Repeat("1", 64)+"."+strings.Repeat("x", n)), want, n)
	}
}

// Up to four tokens share the last eight digits; a fifth is a conflict.
func TestFourTokensOfGiteaMayShareTheirSelector(t *testing.T) {
	known := set(t, legacyhash.Gitea())
	var digests []hallpass.LegacyDigest
	var texts []string
	for i := range 5 {
		text := fmt.Sprintf("%032xe4efbf36", i)
		digests, texts = append(digests, giteaRow(t, text, fmt.Sprintf("salt%d", i))), append(texts, text)
	}
	a, ids := imported(t, known, digests[:4]...)
	assert.Equal(t, []hallpass.ID{"gitea:e4efbf36", "gitea:e4efbf36.2", "gitea:e4efbf36.3", "gitea:e4efbf36.4"}, ids)
	for _, err := range a.Import(t.Context(), rows(digests[4]), hallpass.ImportOptions{}) {
		assert.ErrorIs(t, err, hallpass.ErrConflict)
	}
	for range 2 {
		for i, id := range ids {
			assert.Equal(t, id, opens(t, a, texts[i]))
		}
	}
	assert.Empty(t, opens(t, a, texts[4]))
	i := 0
	for result, err := range a.Import(t.Context(), rows(digests[:4]...), hallpass.ImportOptions{}) {
		assert.NoError(t, err)
		assert.Equal(t, hallpass.ImportPresent, result.Status)
		assert.Equal(t, ids[i], result.ID)
		i++
	}
	for _, bad := range [][3]string{
		{"e4efbf3", "salt", strings.Repeat("0", 100)}, {"E4EFBF36", "salt", strings.Repeat("0", 100)}, {"e4efbf36", "", strings.Repeat("0", 100)},
		{"e4efbf36", "salt", strings.Repeat("0", 98)}, {"e4efbf36", "salt", strings.Repeat("x", 100)},
	} {
		_, err := legacyhash.GiteaRow(bad[0], bad[1], bad[2])
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
	}
}

func TestNothingShowsAKey(t *testing.T) {
	secret := []byte("a-secret-of-32-bytes-and-no-less")
	key := legacyhash.NewKey(secret)
	f := fast()
	f.Key, f.Before, f.After, f.LookupKey, f.Hash = key, key, key, key, legacyhash.HMACSHA256
	s := scheme(t)(f.Scheme())
	gitlab := scheme(t)(legacyhash.GitLab("glpat-", string(secret), key))
	type holder struct {
		k legacyhash.Key
		f legacyhash.Fast
		s *legacyhash.Scheme
	}
	known := set(t, s, gitlab)
	for _, v := range []any{key, &key, f, &f, s, *s, gitlab, known, *known, holder{key, f, s}, legacyhash.Config{Schemes: []*legacyhash.Scheme{s}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			shown := fmt.Sprintf(verb, v)
			for _, bad := range []string{"secret-of", hex.EncodeToString(secret[:8]), strings.ToUpper(hex.EncodeToString(secret[:8])), "97 45 115"} {
				assert.NotContains(t, shown, bad)
			}
		}
	}
	clear(secret)
	assert.Equal(t, known.Candidates(fastText), set(t, s).Candidates(fastText))
	g := f
	g.LookupKey = legacyhash.NewKey([]byte("a-secret-of-32-bytes-and-no-less"))
	assert.Equal(t, known.Candidates(fastText), set(t, scheme(t)(g.Scheme())).Candidates(fastText), "a key is a copy")
}

// Errors name no row's content.
func TestErrorsShowNothingOfARow(t *testing.T) {
	s := scheme(t)(fast().Scheme())
	_, err := s.Stored("", "s3cretdigest")
	assert.NotContains(t, err.Error(), "s3cret")
	slow := anySelector(t, "")
	for _, hash := range []string{"s3cret", "$2a$s3cret", "$argon2id$s3cret", "$pbkdf2-s3cret", "pbkdf2_s3cret"} {
		_, err := slow.Stored("s", hash)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.NotContains(t, err.Error(), "s3cret")
	}
	_, err = slow.Stored("s3cret s", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	assert.NotContains(t, err.Error(), "s3cret")
}

// Whoever comes first, all get in, and the slow hash is gone.
func TestManyMayUseATokenForTheFirstTimeAtOnce(t *testing.T) {
	text := strings.Repeat("0", 32) + "e4efbf36"
	a, ids := imported(t, set(t, legacyhash.Gitea()), giteaRow(t, text, "salt"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			token, err := a.Authenticate(t.Context(), text)
			assert.NoError(t, err)
			assert.Equal(t, ids[0], token.ID)
		})
	}
	wg.Wait()
	assert.Equal(t, ids[0], opens(t, a, text))
}
