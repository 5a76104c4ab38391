package hallpass_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// An old system issued tokens such as fast_17_secret and slow_17_secret. Of the first it kept a digest, of the others a salted hash.
// Up to four slow ones share a selector. A test can get in the way of its methods.
type old struct {
	candidates func(text string) []hallpass.ID
	material   func(scheme, text string) []byte
	verify     func(ctx context.Context, id hallpass.ID, scheme, hash, text string) (bool, error)

	asked    atomic.Int64 // for candidates
	verified atomic.Int64
}

func (o *old) Candidates(text string) []hallpass.ID {
	o.asked.Add(1)
	if o.candidates != nil {
		return o.candidates(text)
	}
	scheme, selector, _, ok := oldParts(text)
	if !ok {
		return nil
	}
	return oldIDs(scheme, selector)
}

func (o *old) Material(scheme, text string) []byte {
	if o.material != nil {
		return o.material(scheme, text)
	}
	is, _, secret, ok := oldParts(text)
	if !ok || is != scheme {
		return nil
	}
	if scheme == "slow" {
		return []byte(secret)
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func (o *old) Verify(ctx context.Context, id hallpass.ID, scheme, hash, text string) (bool, error) {
	o.verified.Add(1)
	if o.verify != nil {
		return o.verify(ctx, id, scheme, hash, text)
	}
	_, _, secret, _ := oldParts(text)
	return oldHash(secret) == hash, nil
}

func oldParts(text string) (scheme, selector, secret string, ok bool) {
	parts := strings.Split(text, "_")
	if len(parts) != 3 || parts[0] != "fast" && parts[0] != "slow" || parts[1] == "" || parts[2] == "" {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}

func oldIDs(scheme, selector string) []hallpass.ID {
	id := hallpass.ID(scheme + ":" + selector)
	if scheme == "fast" {
		return []hallpass.ID{id}
	}
	return []hallpass.ID{id, id + ".2", id + ".3", id + ".4"}
}

func oldHash(secret string) string {
	sum := sha256.Sum256([]byte("salt" + secret))
	return "$slow$" + hex.EncodeToString(sum[:])
}

var longAgo = time.Date(2019, 5, 6, 7, 8, 9, 1000, time.UTC)

// oldToken is the row of the token with this text.
func oldToken(text string, permissions ...hallpass.Permission) hallpass.LegacyToken {
	scheme, selector, secret, _ := oldParts(text)
	t := hallpass.LegacyToken{Grant: grant(api, permissions...), CreatedAt: longAgo}
	if permissions == nil {
		t.Grant.Permissions = []hallpass.Permission{hallpass.RepositoryRead}
	}
	if scheme == "slow" {
		t.Digest = hallpass.NewLegacyHash(scheme, oldHash(secret), oldIDs(scheme, selector)...)
	} else {
		sum := sha256.Sum256([]byte(secret))
		t.Digest = hallpass.NewLegacyDigest(scheme, oldIDs(scheme, selector)[0], sum[:])
	}
	return t
}

// rows yields these tokens.
func rows(tokens ...hallpass.LegacyToken) iter.Seq2[hallpass.LegacyToken, error] {
	return func(yield func(hallpass.LegacyToken, error) bool) {
		for _, t := range tokens {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// imports returns what Import yields.
func imports(ctx context.Context, a *hallpass.Authority, tokens iter.Seq2[hallpass.LegacyToken, error], opts hallpass.ImportOptions) (results []hallpass.ImportResult, errs []error) {
	for result, err := range a.Import(ctx, tokens, opts) {
		results, errs = append(results, result), append(errs, err)
	}
	return results, errs
}

// A legacyWorld has an Authority with tokens of the old system.
type legacyWorld struct {
	*hallpass.Authority
	cfg   hallpass.Config
	store *hooked
	old   *old
	log   *log
}

func newLegacyWorld(t testing.TB, texts ...string) *legacyWorld {
	t.Helper()
	w := &legacyWorld{store: &hooked{Store: memstore.New()}, old: &old{}, log: &log{}}
	w.cfg = hallpass.Config{Store: w.store, Keys: mustKeys(t, hallpass.GenerateKey()), Legacy: w.old, Observe: w.log.observe}
	w.Authority = hallpasstest.With(t, w.cfg)
	for _, text := range texts {
		w.bring(t, oldToken(text))
	}
	w.log.take()
	return w
}

// bring imports one token and returns its ID.
func (w *legacyWorld) bring(t testing.TB, token hallpass.LegacyToken) hallpass.ID {
	t.Helper()
	results, errs := imports(t.Context(), w.Authority, rows(token), hallpass.ImportOptions{})
	require.Equal(t, []error{nil}, errs)
	require.Equal(t, hallpass.ImportAdded, results[0].Status)
	return results[0].ID
}

// record returns what is stored.
func (w *legacyWorld) record(t testing.TB, id hallpass.ID) hallpass.Record {
	t.Helper()
	r, err := w.store.Store.Get(t.Context(), id)
	require.NoError(t, err)
	return *r
}
