package hallpass_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestAnImportedTokenIsAsAnyOther(t *testing.T) {
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		w := newLegacyWorld(t)
		id := w.bring(t, oldToken(text, hallpass.RepositoryWrite))
		for range 3 { // found anew, upgraded, remembered
			token, err := w.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
			require.NoError(t, err)
			assert.Equal(t, id, token.ID)
			assert.Equal(t, "deploy job", token.Name)
			assert.Equal(t, "user-1", token.CreatedBy)
			assert.Equal(t, longAgo, token.CreatedAt)
			assert.Equal(t, api, token.Resource)
			assert.NoError(t, w.Recheck(t.Context(), token))
		}
		_, err := w.Authorize(t.Context(), text, core, hallpass.RepositoryRead)
		assert.ErrorIs(t, err, hallpass.ErrDenied)
		got, err := w.Get(t.Context(), acme, id)
		require.NoError(t, err)
		listed, _ := list(t, w.Authority, acme, hallpass.ListOptions{})
		assert.Equal(t, []hallpass.Token{got}, listed)
		cfg := w.cfg
		cfg.Store = w.store.Store // which keeps uses
		direct := hallpasstest.With(t, cfg)
		_, err = direct.Authenticate(t.Context(), text)
		require.NoError(t, err)
		require.NoError(t, direct.FlushUses(t.Context()))
		last, err := direct.LastUsed(t.Context(), id)
		require.NoError(t, err)
		assert.Contains(t, last, id)
		assert.Empty(t, collect(w.Verify(t.Context())))
		assert.NoError(t, w.Check(t.Context()))

		w.log.take()
		for _, wrong := range []string{text + "x", strings.TrimSuffix(text, "t"), strings.ToUpper(text[:8]) + text[8:], text[:8] + "S" + text[9:]} {
			_, err := w.Authenticate(t.Context(), wrong)
			assert.True(t, err == hallpass.ErrUnauthenticated)
		}
		require.NoError(t, w.Revoke(t.Context(), acme, id))
		w.log.take()
		_, err = w.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		e := w.log.one(t)
		assert.Equal(t, hallpass.ReasonRevoked, e.Reason)
		assert.Equal(t, id, e.Token.ID)
		assert.Equal(t, hallpass.ErrUnauthenticated, w.Recheck(t.Context(), got))
	}
}

func TestRejectionsOfImportedTokensHaveOneEventWithItsReason(t *testing.T) {
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		w := newLegacyWorld(t, text)
		id := oldIDs(text[:4], "17")[0]
		_, _ = w.Authenticate(t.Context(), text)
		reason := func(text string) string {
			t.Helper()
			w.log.take()
			_, err := w.Authenticate(t.Context(), text)
			assert.True(t, err == hallpass.ErrUnauthenticated)
			e := w.log.one(t)
			assert.Equal(t, hallpass.Rejected, e.Kind)
			assert.Equal(t, hallpass.ErrUnauthenticated, e.Err)
			return string(e.Token.ID) + " " + e.Reason
		}
		assert.Equal(t, text[:4]+":18 unknown", reason(text[:4]+"_18_s3cret"))
		assert.Equal(t, string(id)+" wrong secret", reason(text+"x"))
		edit(t, w.store, id, func(r *hallpass.Record) { r.Token.Name = "edited" })
		assert.Equal(t, string(id)+" tampered", reason(text))
		require.NoError(t, w.Revoke(t.Context(), acme, id))
		assert.Equal(t, string(id)+" revoked", reason(text), "a record that was ended for that")
	}
}

// The most telling of several: an alarm before all else.
func TestOfSeveralCandidatesTheMostTellingReasonIsObserved(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_one", "slow_17_two", "slow_17_three", "slow_17_four")
	ids := oldIDs("slow", "17")
	reason := func() string {
		w.log.take()
		_, err := w.Authenticate(t.Context(), "slow_17_five")
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		e := w.log.one(t)
		return string(e.Token.ID) + " " + e.Reason
	}
	assert.Equal(t, "slow:17 wrong secret", reason())
	require.NoError(t, w.Revoke(t.Context(), acme, ids[3]))
	assert.Equal(t, "slow:17.4 revoked", reason())
	edit(t, w.store, ids[1], func(r *hallpass.Record) { r.Token.Name = "edited" })
	assert.Equal(t, "slow:17.2 tampered", reason())
	_, err := w.Authenticate(t.Context(), "slow_17_three")
	assert.NoError(t, err, "it opens all the same")
}

func TestWhatIsNativeNeverReachesALegacy(t *testing.T) {
	w := newLegacyWorld(t)
	_, text := issue(t, w.Authority, api, hallpass.RepositoryRead)
	w.old.candidates = func(string) []hallpass.ID { return []hallpass.ID{"fast:17"} }
	for _, s := range []string{
		text, wrong(text), text[:63], text[:63] + "!", text + "0", "hp_", "hp_x", "hp_17_secret", withChecksum("hp_" + strings.Repeat("!", 55)), "",
		strings.Repeat("x", 1025),
	} {
		_, _ = w.Authenticate(t.Context(), s)
		_ = w.Recognizes(s)
		assert.Zero(t, w.old.asked.Load(), "%.80q", s)
	}
	assert.False(t, w.Recognizes(text[:63]))
	assert.True(t, w.Recognizes("hp"))
	assert.True(t, w.Recognizes(strings.Repeat("x", 1024)))
}

func TestTextsOfNoShapeNeverReachTheStore(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret")
	w.store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { panic("read") }
	ids := map[string][]hallpass.ID{
		"none":         nil,
		"empty":        {""},
		"space":        {"fast: 17"},
		"long":         {hallpass.ID(strings.Repeat("x", 129))},
		"native":       {hallpass.ID(strings.Repeat("A", 20))},
		"too far back": {"", "", "", "", "fast:17"},
	}
	n := w.Malformed()
	for name, candidates := range ids {
		w.old.candidates = func(string) []hallpass.ID { return candidates }
		_, err := w.Authenticate(t.Context(), "fast_17_s3cret")
		assert.True(t, err == hallpass.ErrUnauthenticated, name)
		n++
		assert.Equal(t, n, w.Malformed(), name)
		assert.False(t, w.Recognizes("fast_17_s3cret"), name)
	}
	assert.Empty(t, w.log.take(), "garbage cannot flood the log")

	none := hallpasstest.New(t)
	_, err := none.Authenticate(t.Context(), "fast_17_s3cret")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, uint64(1), none.Malformed())
	assert.False(t, none.Recognizes("fast_17_s3cret"))
}

func TestCandidatesAreReadOnceEachAndFewOfThem(t *testing.T) {
	w := newLegacyWorld(t)
	var read []hallpass.ID
	w.store.get = func(_ context.Context, id hallpass.ID) (*hallpass.Record, error) {
		read = append(read, id)
		return nil, hallpass.ErrNotFound
	}
	w.old.candidates = func(string) []hallpass.ID { return []hallpass.ID{"a", "a", "b", "c", "d"} }
	_, err := w.Authenticate(t.Context(), "x")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, []hallpass.ID{"a", "b", "c"}, read)
}

// An audit log keeps no secret alive.
func TestCandidatesShareNoMemoryWithWhatIsObserved(t *testing.T) {
	w := newLegacyWorld(t)
	text := strings.Repeat("secret", 4)
	w.old.candidates = func(text string) []hallpass.ID { return []hallpass.ID{hallpass.ID(text[:4])} }
	_, _ = w.Authenticate(t.Context(), text)
	assert.False(t, within(string(w.log.one(t).Token.ID), text))
}

// Whatever a legacy ID finds: a record that was not imported is opened by no text but its own.
func TestALegacyTextNeverOpensANativeRecord(t *testing.T) {
	w := newLegacyWorld(t)
	token, _ := issue(t, w.Authority, api, hallpass.RepositoryRead)
	w.old.candidates = func(string) []hallpass.ID { return []hallpass.ID{token.ID} }
	w.old.verify = func(context.Context, hallpass.ID, string, string, string) (bool, error) { return true, nil }
	_, err := w.Authenticate(t.Context(), "slow_17_s3cret")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Zero(t, w.old.verified.Load())
}

func TestALegacyThatFailsIsUnavailable(t *testing.T) {
	broken := errors.New("broken")
	for name, verify := range map[string]func(context.Context) (bool, error){
		"an error":           func(context.Context) (bool, error) { return false, broken },
		"an error and yes":   func(context.Context) (bool, error) { return true, broken },
		"a no as an error":   func(context.Context) (bool, error) { return false, hallpass.ErrUnauthenticated },
		"a panic":            func(context.Context) (bool, error) { panic("s3cret") },
		"a panic with error": func(context.Context) (bool, error) { panic(hallpass.ErrUnauthenticated) },
	} {
		w := newLegacyWorld(t, "slow_17_s3cret")
		before := w.record(t, "slow:17")
		w.old.verify = func(ctx context.Context, _ hallpass.ID, _, _, _ string) (bool, error) { return verify(ctx) }
		got, err := w.Authenticate(t.Context(), "slow_17_s3cret")
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, name)
		assert.NotContains(t, err.Error(), "s3cret")
		assert.Zero(t, got)
		e := w.log.one(t)
		assert.Equal(t, hallpass.Unavailable, e.Kind, name)
		assert.Equal(t, err, e.Err)
		assert.Equal(t, hallpass.ID("slow:17"), e.Token.ID)
		assert.Equal(t, before, w.record(t, "slow:17"))
	}
	for _, text := range []string{"slow_17_s3cret", "fast_17_s3cret"} {
		w := newLegacyWorld(t, text)
		w.old.material = func(string, string) []byte { panic("s3cret") }
		_, err := w.Authenticate(t.Context(), text)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.Equal(t, hallpass.Unavailable, w.log.one(t).Kind)
		assert.Zero(t, w.old.verified.Load())

		w.old.material, w.old.candidates = nil, func(string) []hallpass.ID { panic("s3cret") }
		_, err = w.Authenticate(t.Context(), text)
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.Equal(t, hallpass.Unavailable, w.log.one(t).Kind)
		assert.Zero(t, w.Malformed())
		assert.False(t, w.Recognizes(text))
	}
}

func TestAStoreThatFailsIsUnavailableForImportedTokensToo(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret")
	w.store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, errors.New("broken") }
	_, err := w.Authenticate(t.Context(), "fast_17_s3cret")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, hallpass.Unavailable, w.log.one(t).Kind)

	w.store.get = nil
	other := w.cfg
	other.Keys = mustKeys(t, hallpass.GenerateKey())
	_, err = hallpasstest.With(t, other).Authenticate(t.Context(), "fast_17_s3cret")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable, "an unknown key")
}

func TestAContextThatEndsDuringASlowHashIsUnavailable(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_s3cret")
	before := w.record(t, "slow:17")
	ctx, cancel := context.WithCancel(t.Context())
	w.old.verify = func(context.Context, hallpass.ID, string, string, string) (bool, error) { cancel(); return true, nil }
	_, err := w.Authenticate(ctx, "slow_17_s3cret")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, before, w.record(t, "slow:17"))
}

// The material has to be there: a Legacy that does not know a text any more lets it open nothing.
func TestATextWithoutMaterialOpensNothing(t *testing.T) {
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		w := newLegacyWorld(t, text)
		for _, m := range [][]byte{nil, {}} {
			w.old.material = func(string, string) []byte { return m }
			w.old.verify = func(context.Context, hallpass.ID, string, string, string) (bool, error) { return true, nil }
			_, err := w.Authenticate(t.Context(), text)
			assert.Equal(t, hallpass.ErrUnauthenticated, err)
			assert.Equal(t, hallpass.ReasonWrongSecret, w.log.one(t).Reason)
			assert.Zero(t, w.old.verified.Load())
		}
	}
}

func TestASlowHashIsComputedOnceAndThenGone(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_s3cret")
	before := w.record(t, "slow:17")
	assert.Contains(t, before.Extra, oldHash("s3cret"))
	assert.NotZero(t, before.Verifier)
	_, err := w.Authenticate(t.Context(), "slow_17_wrong")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, before, w.record(t, "slow:17"), "a wrong secret changes nothing")
	for range 3 {
		_, err = w.Authenticate(t.Context(), "slow_17_s3cret")
		require.NoError(t, err)
	}
	assert.Equal(t, int64(2), w.old.verified.Load())
	after := w.record(t, "slow:17")
	assert.NotContains(t, after.Extra, "$slow$")
	assert.NotEqual(t, before.Verifier, after.Verifier)
	_, err = w.Authenticate(t.Context(), "slow_17_wrong")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Equal(t, int64(2), w.old.verified.Load())
	after.Extra, after.Verifier, after.Seal = before.Extra, before.Verifier, before.Seal
	assert.Equal(t, before, after, "all else is as it was")
}

func TestAnUpgradeThatFailsChangesNoAnswer(t *testing.T) {
	for name, err := range map[string]error{"conflict": hallpass.ErrConflict, "gone": hallpass.ErrNotFound, "broken": errors.New("broken")} {
		w := newLegacyWorld(t, "slow_17_s3cret")
		before := w.record(t, "slow:17")
		w.store.write = func(context.Context, ...hallpass.Change) error { return err }
		_, err := w.Authenticate(t.Context(), "slow_17_s3cret")
		assert.NoError(t, err, name)
		w.store.write = func(context.Context, ...hallpass.Change) error { panic(name) }
		_, err = w.Authenticate(t.Context(), "slow_17_s3cret")
		assert.NoError(t, err, name)
		assert.Equal(t, before, w.record(t, "slow:17"))
		assert.Empty(t, w.log.take())
		w.store.write = nil
		_, err = w.Authenticate(t.Context(), "slow_17_s3cret")
		assert.NoError(t, err)
		assert.NotContains(t, w.record(t, "slow:17").Extra, "$slow$", "it is tried again")
	}
}

// Whatever ends, rotates or moves a token while its hash is computed: the upgrade undoes nothing of it.
func TestAnUpgradeUndoesNothingThatRaces(t *testing.T) {
	for name, race := range map[string]func(*testing.T, *legacyWorld){
		"revoked": func(t *testing.T, w *legacyWorld) { assert.NoError(t, w.Revoke(context.Background(), acme, "slow:17")) },
		"rotated": func(t *testing.T, w *legacyWorld) {
			_, _, err := w.Rotate(context.Background(), acme, "slow:17", time.Hour)
			assert.NoError(t, err)
		},
		"resealed": func(t *testing.T, w *legacyWorld) {
			cfg := w.cfg
			cfg.Keys = mustKeys(t, freshKey, oldKey)
			for _, err := range hallpasstest.With(t, cfg).Reseal(context.Background()) {
				assert.NoError(t, err)
			}
		},
	} {
		for _, where := range []string{"while it is verified", "before it is written"} {
			t.Run(name+" "+where, func(t *testing.T) {
				w := newLegacyWorld(t)
				w.cfg.Keys = mustKeys(t, oldKey)
				w.Authority = hallpasstest.With(t, w.cfg)
				w.bring(t, oldToken("slow_17_s3cret"))
				var raced hallpass.Record
				if where == "while it is verified" {
					w.old.verify = func(context.Context, hallpass.ID, string, string, string) (bool, error) {
						race(t, w)
						raced = w.record(t, "slow:17")
						return true, nil
					}
				} else {
					w.store.write = func(ctx context.Context, changes ...hallpass.Change) error {
						w.store.write = nil
						race(t, w)
						raced = w.record(t, "slow:17")
						return w.store.Write(ctx, changes...)
					}
				}
				_, err := w.Authenticate(t.Context(), "slow_17_s3cret")
				assert.NoError(t, err, "it was live when it was read")
				assert.Equal(t, raced, w.record(t, "slow:17"))
				if name == "revoked" {
					_, err = w.Authenticate(t.Context(), "slow_17_s3cret")
					assert.Equal(t, hallpass.ErrUnauthenticated, err)
				}
			})
		}
	}
}

var oldKey, freshKey = []byte(strings.Repeat("old key ", 4)), []byte(strings.Repeat("new key ", 4))

// Whoever reads the database presents what he finds there.
func TestWhatIsStoredOpensNothing(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret", "slow_17_s3cret")
	digest := (&old{}).Material("fast", "fast_17_s3cret")
	for round := range 2 {
		fast, slow := w.record(t, "fast:17"), w.record(t, "slow:17")
		for _, stored := range []string{
			oldHash("s3cret"), string(digest), hex.EncodeToString(digest),
			string(fast.Verifier[:]), hex.EncodeToString(fast.Verifier[:]), string(slow.Verifier[:]), hex.EncodeToString(slow.Verifier[:]),
			fast.Extra, slow.Extra, strings.Fields(slow.Extra)[2],
		} {
			for _, text := range []string{stored, "fast_17_" + stored, "slow_17_" + stored} {
				_, err := w.Authenticate(t.Context(), text)
				assert.True(t, err == hallpass.ErrUnauthenticated, "round %d: %q", round, text)
			}
		}
		_, err := w.Authenticate(t.Context(), "slow_17_s3cret")
		require.NoError(t, err)
	}
}

func TestTheDigestOfAFastSchemeCannotBeReadInTheStore(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret")
	digest := (&old{}).Material("fast", "fast_17_s3cret")
	r := w.record(t, "fast:17")
	assert.Equal(t, "legacy/1 fast", r.Extra)
	b, err := r.MarshalBinary()
	require.NoError(t, err)
	for n := 0; n+8 <= len(digest); n++ {
		assert.NotContains(t, string(b), string(digest[n:n+8]))
		assert.NotContains(t, string(b), hex.EncodeToString(digest[n:n+8]))
	}
}

func TestATokenThatWasUsedCostsNothingSlowBecauseOfOthers(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_one", "slow_17_two", "slow_17_three")
	_, err := w.Authenticate(t.Context(), "slow_17_three")
	require.NoError(t, err)
	w.old.verify = func(context.Context, hallpass.ID, string, string, string) (bool, error) {
		return false, errors.New("broken")
	}
	token, err := w.Authenticate(t.Context(), "slow_17_three")
	require.NoError(t, err)
	assert.Equal(t, hallpass.ID("slow:17.3"), token.ID)

	// One that cannot be told keeps no other from opening.
	w.old.verify = func(_ context.Context, id hallpass.ID, _, _, _ string) (bool, error) {
		if id == "slow:17" {
			return false, errors.New("broken")
		}
		return true, nil
	}
	w.log.take()
	token, err = w.Authenticate(t.Context(), "slow_17_two")
	require.NoError(t, err)
	assert.Equal(t, hallpass.ID("slow:17.2"), token.ID)
	assert.Empty(t, w.log.take())
	// But if none opens, nobody knows.
	_, err = w.Authenticate(t.Context(), "slow_17_four")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.Equal(t, hallpass.Unavailable, w.log.one(t).Kind)
}

// The event of a check that could not be told is of what could not.
func TestWhatCouldNotBeToldIsNotRefined(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_one", "slow_17_two")
	w.old.verify = func(_ context.Context, id hallpass.ID, _, _, _ string) (bool, error) {
		if id == "slow:17" {
			return false, errors.New("broken")
		}
		return false, nil
	}
	_, err := w.Authenticate(t.Context(), "slow_17_three")
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	e := w.log.one(t)
	assert.Equal(t, hallpass.ID("slow:17"), e.Token.ID)
	assert.Empty(t, e.Reason)
	assert.Equal(t, int64(2), w.old.verified.Load())
}

// Were it always the same, the row before and the row after the first use would show the digest together.
func TestUntilFirstUseThereIsARandomVerifier(t *testing.T) {
	seen := map[[32]byte]bool{}
	for range 3 {
		w := newLegacyWorld(t)
		w.cfg.Keys = mustKeys(t, oldKey)
		w.Authority = hallpasstest.With(t, w.cfg)
		w.bring(t, oldToken("slow_17_s3cret"))
		seen[w.record(t, "slow:17").Verifier] = true
	}
	assert.Len(t, seen, 3)
}

func TestAnImportedTokenEndsAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLegacyWorld(t)
		for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret", "slow_18_s3cret"} {
			token := oldToken(text)
			token.CreatedAt, token.Grant.RevokeAt = time.Time{}, time.Now().Add(time.Hour)
			w.bring(t, token)
		}
		w.old.verify = func(_ context.Context, _ hallpass.ID, _, hash, text string) (bool, error) {
			if strings.HasPrefix(text, "slow_18") {
				time.Sleep(2 * time.Hour)
			}
			return true, nil
		}
		w.log.take()
		_, err := w.Authenticate(t.Context(), "fast_17_s3cret")
		require.NoError(t, err)
		_, err = w.Authenticate(t.Context(), "slow_18_s3cret")
		assert.Equal(t, hallpass.ErrUnauthenticated, err, "while it was verified")
		assert.Equal(t, hallpass.ReasonRevoked, w.log.one(t).Reason)
		assert.Equal(t, int64(1), w.old.verified.Load())
		for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
			_, err := w.Authenticate(t.Context(), text)
			assert.Equal(t, hallpass.ErrUnauthenticated, err)
			assert.Equal(t, hallpass.ReasonRevoked, w.log.one(t).Reason)
		}
		assert.Equal(t, int64(1), w.old.verified.Load(), "what has stopped costs nothing slow")
		_, err = w.Authenticate(t.Context(), "fast_17_wrong")
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ReasonWrongSecret, w.log.one(t).Reason)
	})
}

func TestARevokedTokenCostsNothingSlow(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_s3cret")
	require.NoError(t, w.Revoke(t.Context(), acme, "slow:17"))
	_, err := w.Authenticate(t.Context(), "slow_17_s3cret")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	assert.Zero(t, w.old.verified.Load())
}

func TestAnImportedTokenIsRotatedToANativeOne(t *testing.T) {
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		for _, overlap := range []time.Duration{0, time.Hour} {
			w := newLegacyWorld(t, text)
			id := oldIDs(text[:4], "17")[0]
			token, secret, err := w.Rotate(t.Context(), acme, id, overlap)
			require.NoError(t, err)
			assert.Regexp(t, `^[0-9A-Za-z]{20}$`, token.ID)
			assert.Equal(t, id, token.Replaces)
			assert.Empty(t, w.record(t, token.ID).Extra)
			_, err = w.Authenticate(t.Context(), secret.Reveal())
			assert.NoError(t, err)
			for range 2 {
				_, err = w.Authenticate(t.Context(), text)
				if overlap == 0 {
					assert.Equal(t, hallpass.ErrUnauthenticated, err)
				} else {
					assert.NoError(t, err)
				}
			}
			old, err := w.Get(t.Context(), acme, id)
			require.NoError(t, err)
			assert.Equal(t, token.ID, old.ReplacedBy)
			_, _, err = w.Rotate(t.Context(), acme, id, 0)
			assert.ErrorIs(t, err, hallpass.ErrConflict)
		}
	}
}

func TestAnExposedImportedTokenIsEnded(t *testing.T) {
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		w := newLegacyWorld(t, text)
		_, err := w.RevokeExposed(t.Context(), text+"x")
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
		token, err := w.RevokeExposed(t.Context(), text)
		require.NoError(t, err)
		assert.Equal(t, oldIDs(text[:4], "17")[0], token.ID)
		assert.NotZero(t, token.RevokedAt)
		_, err = w.RevokeExposed(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	}
}

func TestImportedTokensMoveToANewKeyUsedOrNot(t *testing.T) {
	store := memstore.New()
	with := func(current []byte, others ...[]byte) *hallpass.Authority {
		return hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, current, others...), Legacy: &old{}})
	}
	texts := []string{"fast_17_s3cret", "slow_17_s3cret", "slow_18_s3cret", "slow_19_s3cret"}
	first := with(oldKey)
	for _, text := range texts {
		_, errs := imports(t.Context(), first, rows(oldToken(text)), hallpass.ImportOptions{})
		require.Equal(t, []error{nil}, errs)
	}
	_, err := first.Authenticate(t.Context(), "slow_17_s3cret")
	require.NoError(t, err)
	both := with(freshKey, oldKey)
	_, err = both.Authenticate(t.Context(), "slow_19_s3cret")
	require.NoError(t, err, "upgraded to the new key")
	moved := collect(both.Reseal(t.Context()))
	assert.Equal(t, map[hallpass.ID]error{"fast:17": nil, "slow:17": nil, "slow:18": nil}, moved)
	last := with(freshKey)
	for range 2 {
		for _, text := range texts {
			_, err := last.Authenticate(t.Context(), text)
			assert.NoError(t, err, text)
		}
	}
	for _, text := range texts {
		results, errs := imports(t.Context(), last, rows(oldToken(text)), hallpass.ImportOptions{})
		assert.Equal(t, []error{nil}, errs)
		assert.Equal(t, hallpass.ImportPresent, results[0].Status)
	}
}

func TestAnEditedImportedRecordIsDead(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret", "slow_17_s3cret", "slow_18_other")
	other := w.record(t, "slow:18")
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		id := oldIDs(text[:4], "17")[0]
		good := w.record(t, id)
		for name, change := range map[string]func(*hallpass.Record){
			"a hash of one's own": func(r *hallpass.Record) { r.Extra = "legacy/1 slow " + strings.Repeat("0", 32) + " " + oldHash("mine") },
			"no longer imported":  func(r *hallpass.Record) { r.Extra = "" },
			"grafted extra":       func(r *hallpass.Record) { r.Extra = other.Extra },
			"grafted verifier":    func(r *hallpass.Record) { r.Verifier = other.Verifier },
			"scope":               func(r *hallpass.Record) { r.ScopeText = "repository:admin" },
		} {
			edit(t, w.store, id, change)
			for _, try := range []string{text, text[:8] + "mine", text[:8] + "other"} {
				_, err := w.Authenticate(t.Context(), try)
				assert.True(t, err == hallpass.ErrUnauthenticated, "%s: %s", name, try)
			}
			edit(t, w.store, id, func(r *hallpass.Record) { *r = good })
		}
		_, err := w.Authenticate(t.Context(), text)
		assert.NoError(t, err)
	}
}

// A record of another ID is worth nothing, even with a seal that holds.
func TestAnImportedDigestBelongsToItsID(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret", "fast_18_s3cret")
	a, b := w.record(t, "fast:17"), w.record(t, "fast:18")
	assert.NotEqual(t, a.Verifier, b.Verifier)
	edit(t, w.store, "fast:17", func(r *hallpass.Record) { *r = b; r.Token.ID = "fast:17" })
	_, err := w.Authenticate(t.Context(), "fast_17_s3cret")
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
}

func TestARealmIsPartOfImportedTokensToo(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret", "slow_17_s3cret")
	w.cfg.Realm = "staging"
	for _, text := range []string{"fast_17_s3cret", "slow_17_s3cret"} {
		_, err := hallpasstest.With(t, w.cfg).Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	}
}

func TestNothingShowsALegacyDigest(t *testing.T) {
	digest := []byte("0123456789abcdef")
	token := hallpass.LegacyToken{Digest: hallpass.NewLegacyDigest("fast", "fast:17", digest)}
	slow := hallpass.LegacyToken{Digest: hallpass.NewLegacyHash("slow", "0123456789abcdef", "slow:17")}
	type holder struct{ d hallpass.LegacyDigest }
	for _, v := range []any{token, slow, &token, &slow, token.Digest, slow.Digest, holder{token.Digest}, holder{slow.Digest}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			s := fmt.Sprintf(verb, v)
			assert.NotContains(t, s, "0123456789")
			assert.NotContains(t, s, hex.EncodeToString(digest))
			assert.NotContains(t, s, "48 49 50")
		}
	}
	clear(digest)
	w := newLegacyWorld(t)
	w.old.material = func(string, string) []byte { return []byte("0123456789abcdef") }
	token.Grant = grant(api, hallpass.RepositoryRead)
	w.bring(t, token)
	_, err := w.Authenticate(t.Context(), "fast_17_s3cret")
	assert.NoError(t, err, "it is a copy")
}
