package hallpass_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestNewKeysRefusesWeakAndRepeatedKeys(t *testing.T) {
	good, other := hallpass.GenerateKey(), hallpass.GenerateKey()
	for why, keys := range map[string][][]byte{
		"0 bytes":                {nil},
		"31 bytes":               {good[:31]},
		"16 bytes":               {good, other[:16]},
		"one byte over and over": {bytes.Repeat([]byte{7}, 32)},
		"a key twice":            {good, good},
		"twice; name each once":  {good, other, bytes.Clone(other)},
	} {
		_, err := hallpass.NewKeys(keys[0], keys[1:]...)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.ErrorContains(t, err, why)
	}
	assert.NotEqual(t, hallpass.GenerateKey(), hallpass.GenerateKey())
	assert.Len(t, hallpass.GenerateKey(), 32)
}

func TestKeysAreCopies(t *testing.T) {
	material := hallpass.GenerateKey()
	store, keys := memstore.New(), mustKeys(t, material)
	kept := bytes.Clone(material)
	clear(material)
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys})
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, kept)})
	_, err := b.Authenticate(t.Context(), text)
	assert.NoError(t, err)
}

// The runbook: deploy (old, new), then (new, old), reseal, drop the old one. Tokens are used, issued, rotated and revoked all the while.
func TestKeysRotateWithTokensInUse(t *testing.T) {
	ctx := t.Context()
	old, fresh := hallpass.GenerateKey(), hallpass.GenerateKey()
	store := memstore.New()
	with := func(current []byte, others ...[]byte) *hallpass.Authority {
		return hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, current, others...)})
	}
	steps := []*hallpass.Authority{with(old), with(old, fresh), with(fresh, old), with(fresh)}
	live := map[string]bool{}
	var dead []string
	use := func(a *hallpass.Authority) {
		t.Helper()
		for text := range live {
			_, err := a.Authorize(ctx, text, api, hallpass.RepositoryRead)
			assert.NoError(t, err)
		}
		for _, text := range dead {
			_, err := a.Authorize(ctx, text, api, hallpass.RepositoryRead)
			assert.Equal(t, hallpass.ErrUnauthenticated, err)
		}
	}
	for i, a := range steps {
		if i == 3 {
			_, err := a.Authenticate(ctx, dead[0])
			assert.ErrorIs(t, err, hallpass.ErrUnavailable, "dropped too early, a key is missed: no mass 401")
			assert.ErrorIs(t, a.Check(ctx), hallpass.ErrUnavailable)
			for id, err := range a.Verify(ctx) {
				assert.NotEmpty(t, id)
				assert.ErrorIs(t, err, hallpass.ErrUnavailable)
			}
			before := steps[2]
			moved := collect(before.Reseal(ctx))
			assert.NotEmpty(t, moved)
			for _, err := range moved {
				assert.NoError(t, err)
			}
			assert.Empty(t, collect(before.Reseal(ctx)), "there is nothing left to move")
		}
		token, text := issue(t, a, api, hallpass.RepositoryRead)
		live[text] = true
		_, second := issue(t, a, api, hallpass.RepositoryRead)
		rotated, replacement, err := a.Rotate(ctx, acme, token.ID, 0)
		require.NoError(t, err)
		delete(live, text)
		dead = append(dead, text)
		live[replacement.Reveal()], live[second] = true, true
		use(a)
		if i > 0 && i < 3 {
			use(steps[i-1+2*(i%2)]) // the replicas that are not deployed yet, or are already
		}
		if i%2 == 1 {
			require.NoError(t, a.Revoke(ctx, acme, rotated.ID))
			delete(live, replacement.Reveal())
			dead = append(dead, replacement.Reveal())
		}
		assert.NoError(t, a.Check(ctx))
		assert.Empty(t, collect(a.Verify(ctx)))
	}
}

func TestARowOfAnotherRealmOrPrefixIsDead(t *testing.T) {
	key, store := hallpass.GenerateKey(), memstore.New()
	staging := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key), Realm: "staging"})
	_, text := issue(t, staging, api, hallpass.RepositoryRead)
	for _, cfg := range []hallpass.Config{{Realm: "production"}, {}, {Realm: "staging", Prefix: "acme"}} {
		cfg.Store, cfg.Keys = store, mustKeys(t, key)
		a := hallpasstest.With(t, cfg)
		if cfg.Prefix != "" {
			text = withChecksum("acme_" + text[3:58])
		}
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		err = a.Check(t.Context())
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorContains(t, err, "Config.Realm")
		assert.Len(t, collect(a.Verify(t.Context())), 1)
	}
	assert.NoError(t, staging.Check(t.Context()))
}

// deepFormat writes all that v holds, through pointers and unexported fields, as the most curious of formatters would.
func deepFormat(b *strings.Builder, v reflect.Value, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			deepFormat(b, v.Elem(), seen)
		}
	case reflect.Interface:
		deepFormat(b, v.Elem(), seen)
	case reflect.Struct:
		for i := range v.NumField() {
			deepFormat(b, v.Field(i), seen)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				fmt.Fprintf(b, "%02x", v.Index(i).Uint())
			}
			return
		}
		for i := range v.Len() {
			deepFormat(b, v.Index(i), seen)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			deepFormat(b, k, seen)
			deepFormat(b, v.MapIndex(k), seen)
		}
	case reflect.String:
		b.WriteString(v.String())
	}
}

func TestNothingShowsAKeyAConfigOrAnAuthority(t *testing.T) {
	old, current := hallpass.GenerateKey(), hallpass.GenerateKey()
	type database struct {
		hallpass.Store
		DSN string
	}
	cfg := hallpass.Config{Store: &database{memstore.New(), "password=hunter2"}, Keys: mustKeys(t, current, old), Realm: "production"}
	a, err := hallpass.New(cfg)
	require.NoError(t, err)
	type holder struct {
		keys hallpass.Keys
		cfg  hallpass.Config
		a    *hallpass.Authority
	}
	h := holder{cfg.Keys, cfg, a}
	var shown strings.Builder
	for _, v := range []any{cfg.Keys, &cfg.Keys, cfg, &cfg, a, h, &h, a.With(memstore.New())} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&shown, verb, v)
		}
		j, _ := json.Marshal(v)
		shown.Write(j)
	}
	deepFormat(&shown, reflect.ValueOf(&h), map[uintptr]bool{})
	text := shown.String()
	for _, key := range [][]byte{old, current} {
		for _, form := range []string{string(key), hex.EncodeToString(key), strings.ToUpper(hex.EncodeToString(key)), strings.Trim(fmt.Sprint(key), "[]")} {
			assert.NotContains(t, text, form)
		}
	}
	assert.Equal(t, "hallpass.Config{...}", fmt.Sprintf("%+v", cfg))
	assert.Equal(t, "hallpass.Authority(hp)", fmt.Sprintf("%#v", a))
	assert.NotContains(t, fmt.Sprintf("%+v %v %#v", cfg, a, &cfg), "hunter2")
}

func TestNewRefuses(t *testing.T) {
	keys := mustKeys(t, hallpass.GenerateKey())
	for why, cfg := range map[string]hallpass.Config{
		"Config.Store":               {Keys: keys},
		"Config.Keys":                {Store: memstore.New()},
		`Config.Prefix "x"`:          {Store: memstore.New(), Keys: keys, Prefix: "x"},
		`Config.Prefix "abcdefghijk`: {Store: memstore.New(), Keys: keys, Prefix: "abcdefghijklm"},
		`2 to 12 of [a-z0-9]`:        {Store: memstore.New(), Keys: keys, Prefix: "h_p"},
		`Config.Prefix "HP"`:         {Store: memstore.New(), Keys: keys, Prefix: "HP"},
		"Config.Realm":               {Store: memstore.New(), Keys: keys, Realm: strings.Repeat("x", 129)},
		"128 bytes of UTF-8":         {Store: memstore.New(), Keys: keys, Realm: "\xff"},
	} {
		a, err := hallpass.New(cfg)
		assert.ErrorIs(t, err, hallpass.ErrInvalid, why)
		assert.ErrorContains(t, err, why)
		assert.Nil(t, a)
	}
	a, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys, Prefix: "ab", Realm: strings.Repeat("é", 64)})
	require.NoError(t, err)
	assert.Same(t, hallpass.Bitbucket(), a.Catalog())
}
