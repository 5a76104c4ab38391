package hallpass_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// all returns every record of a store.
func all(t testing.TB, s hallpass.Store) (records []hallpass.Record) {
	t.Helper()
	for r, err := range s.List(t.Context(), hallpass.Query{All: true}) {
		require.NoError(t, err)
		records = append(records, *r)
	}
	return records
}

func statuses(results []hallpass.ImportResult) (s []string) {
	for _, r := range results {
		s = append(s, fmt.Sprintf("%d %s %s", r.Row, r.ID, r.Status))
	}
	return s
}

func TestImportingAgainWritesNothing(t *testing.T) {
	w := newLegacyWorld(t)
	old := rows(oldToken("fast_17_s3cret"), oldToken("slow_17_one"), oldToken("slow_17_two"), oldToken("fast_18_s3cret"), oldToken("slow_18_s3cret"))
	results, errs := imports(t.Context(), w.Authority, old, hallpass.ImportOptions{})
	assert.Equal(t, make([]error, 5), errs)
	ids := []string{"fast:17", "slow:17", "slow:17.2", "fast:18", "slow:18"}
	var added, present []string
	for i, id := range ids {
		added = append(added, fmt.Sprintf("%d %s added", i+1, id))
		present = append(present, fmt.Sprintf("%d %s present", i+1, id))
	}
	assert.Equal(t, added, statuses(results))
	events := w.log.take()
	require.Len(t, events, 5)
	for i, e := range events {
		assert.Equal(t, hallpass.Issued, e.Kind)
		assert.Equal(t, hallpass.ReasonImported, e.Reason)
		assert.Equal(t, ids[i], string(e.Token.ID))
		assert.Equal(t, "repository", e.Token.Scope.String())
	}
	again := func(when string) {
		t.Helper()
		before := all(t, w.store)
		w.log.take()
		results, errs := imports(t.Context(), w.Authority, old, hallpass.ImportOptions{})
		assert.Equal(t, make([]error, 5), errs, when)
		assert.Equal(t, present, statuses(results), when)
		assert.Equal(t, before, all(t, w.store), when)
		assert.Empty(t, w.log.take())
	}
	again("nothing happened")
	for _, text := range []string{"slow_17_two", "slow_18_s3cret"} {
		_, err := w.Authenticate(t.Context(), text)
		require.NoError(t, err)
	}
	again("some were used")
	for _, id := range []hallpass.ID{"fast:17", "slow:17", "slow:17.2"} {
		require.NoError(t, w.Revoke(t.Context(), acme, id))
	}
	again("some were revoked")
	for _, id := range []hallpass.ID{"fast:18", "slow:18"} {
		_, _, err := w.Rotate(t.Context(), acme, id, 0)
		require.NoError(t, err)
	}
	again("others were rotated")
	for _, text := range []string{"fast_17_s3cret", "slow_17_one", "slow_17_two", "fast_18_s3cret", "slow_18_s3cret"} {
		_, err := w.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err, "no import revives a token")
	}
}

func TestADryRunChangesNothing(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret")
	before := all(t, w.store)
	w.store.write = func(context.Context, ...hallpass.Change) error { panic("written") }
	bad := oldToken("fast_19_s3cret")
	bad.Grant.Name = ""
	results, errs := imports(t.Context(), w.Authority, rows(oldToken("fast_17_s3cret"), oldToken("fast_18_s3cret"), bad, oldToken("slow_17_x")),
		hallpass.ImportOptions{DryRun: true})
	assert.Equal(t, []string{"1 fast:17 present", "2 fast:18 added", "3  ", "4 slow:17 added"}, statuses(results))
	assert.ErrorIs(t, errs[2], hallpass.ErrInvalid)
	assert.Equal(t, before, all(t, w.store))
	assert.Empty(t, w.log.take())
}

func TestARowThatIsNotSoundIsSaidAndTheNextGoOn(t *testing.T) {
	sum := make([]byte, 32)
	for why, change := range map[string]func(*hallpass.LegacyToken){
		"Grant.Name":            func(l *hallpass.LegacyToken) { l.Grant.Name = " padded " },
		"Grant.CreatedBy":       func(l *hallpass.LegacyToken) { l.Grant.CreatedBy = "" },
		"zero Resource":         func(l *hallpass.LegacyToken) { l.Grant.Resource = hallpass.Repository("acme", "") },
		"not in the catalog":    func(l *hallpass.LegacyToken) { l.Grant.Permissions = []hallpass.Permission{"repo"} },
		"may not hold":          func(l *hallpass.LegacyToken) { l.Grant.Permissions = []hallpass.Permission{hallpass.ProjectAdmin} },
		"at least one":          func(l *hallpass.LegacyToken) { l.Grant.Permissions = nil },
		"Grant.Replaces":        func(l *hallpass.LegacyToken) { l.Grant.Replaces = "x" },
		"before the year 10000": func(l *hallpass.LegacyToken) { l.Grant.RevokeAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"CreatedAt":             func(l *hallpass.LegacyToken) { l.CreatedAt = time.Now().Add(time.Hour) },
		"between 1970":          func(l *hallpass.LegacyToken) { l.CreatedAt = time.Unix(-1, 0) },
		"Digest is zero":        func(l *hallpass.LegacyToken) { l.Digest = hallpass.LegacyDigest{} },
		"scheme":                func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("a b", "fast:9", sum) },
		"1 to 64 bytes":         func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("", "fast:9", sum) },
		"scheme of": func(l *hallpass.LegacyToken) {
			l.Digest = hallpass.NewLegacyDigest(strings.Repeat("x", 65), "fast:9", sum)
		},
		"an ID": func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("fast", "fast 9", sum) },
		"letters and digits": func(l *hallpass.LegacyToken) {
			l.Digest = hallpass.NewLegacyDigest("fast", "AAAAAAAAAAAAAAAAAAAA", sum)
		},
		"another one":        func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "x", "a", "a") },
		"0 IDs":              func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "x") },
		"5 IDs":              func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "x", "a", "b", "c", "d", "e") },
		"digest of 15 bytes": func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("fast", "fast:9", sum[:15]) },
		"digest of 65 bytes": func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("fast", "fast:9", make([]byte, 65)) },
		"digest of 0 bytes":  func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "", "fast:9") },
		"a legacy hash":      func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "a b", "fast:9") },
		"512": func(l *hallpass.LegacyToken) {
			l.Digest = hallpass.NewLegacyHash("slow", strings.Repeat("x", 513), "fast:9")
		},
		"visible ASCII":            func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyHash("slow", "é", "fast:9") },
		"1 to 128 bytes of visibl": func(l *hallpass.LegacyToken) { l.Digest = hallpass.NewLegacyDigest("fast", "", sum) },
	} {
		w := newLegacyWorld(t)
		bad := oldToken("fast_9_s3cret")
		change(&bad)
		results, errs := imports(t.Context(), w.Authority, rows(bad, oldToken("fast_17_s3cret")), hallpass.ImportOptions{})
		require.Len(t, errs, 2, why)
		assert.ErrorIs(t, errs[0], hallpass.ErrInvalid, why)
		assert.ErrorContains(t, errs[0], why)
		assert.Equal(t, hallpass.ImportResult{Row: 1}, results[0])
		assert.NoError(t, errs[1])
		assert.Len(t, all(t, w.store), 1)
	}
}

func TestWhatIsAtABoundIsSound(t *testing.T) {
	w := newLegacyWorld(t)
	for i, d := range []hallpass.LegacyDigest{
		hallpass.NewLegacyDigest(strings.Repeat("x", 64), "a", make([]byte, 16)),
		hallpass.NewLegacyDigest("x", hallpass.ID(strings.Repeat("x", 128)), make([]byte, 64)),
		hallpass.NewLegacyDigest("x", "AAAAAAAAAAAAAAAAAAA", make([]byte, 64)),
		hallpass.NewLegacyDigest("x", "AAAAAAAAAAAAAAAAAAA.", make([]byte, 64)),
		hallpass.NewLegacyHash("x", strings.Repeat("x", 512), "b", "c", "d", "e"),
		hallpass.NewLegacyHash("x", "!~", "f"),
	} {
		token := oldToken("fast_1_x")
		token.Digest = d
		token.CreatedAt = time.Unix(0, 1000)
		w.bring(t, token)
		assert.Len(t, all(t, w.store), i+1)
	}
}

func TestATokenThatHasEndedIsNotImported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newLegacyWorld(t)
		token := oldToken("fast_17_s3cret")
		token.Grant.RevokeAt = time.Now()
		later := oldToken("fast_18_s3cret")
		later.CreatedAt, later.Grant.RevokeAt = time.Now(), time.Now().Add(time.Microsecond)
		results, errs := imports(t.Context(), w.Authority, rows(token, later), hallpass.ImportOptions{})
		assert.Equal(t, []error{nil, nil}, errs)
		assert.Equal(t, []string{"1  ended", "2 fast:18 added"}, statuses(results))
		require.Len(t, all(t, w.store), 1)
		assert.Equal(t, later.Grant.RevokeAt.UTC(), all(t, w.store)[0].Token.RevokedAt)
	})
}

func TestAnotherTokenWithItsIDIsAConflict(t *testing.T) {
	w := newLegacyWorld(t, "fast_17_s3cret", "slow_17_1", "slow_17_2", "slow_17_3", "slow_17_4")
	before := all(t, w.store)
	differs := func(text string, change func(*hallpass.LegacyToken)) hallpass.LegacyToken {
		token := oldToken(text)
		change(&token)
		return token
	}
	slowAsFast := oldToken("fast_17_s3cret")
	sum := sha256.Sum256([]byte("s3cret"))
	slowAsFast.Digest = hallpass.NewLegacyDigest("slow", "slow:17", sum[:])
	fastAsSlow := oldToken("fast_17_s3cret")
	fastAsSlow.Digest = hallpass.NewLegacyHash("fast", oldHash("s3cret"), "fast:17")
	scheme := oldToken("fast_17_s3cret")
	scheme.Digest = hallpass.NewLegacyDigest("fast2", "fast:17", sum[:])
	conflicts := []hallpass.LegacyToken{
		oldToken("fast_17_other"),
		oldToken("slow_17_5"),
		slowAsFast, fastAsSlow, scheme,
		differs("fast_17_s3cret", func(l *hallpass.LegacyToken) { l.Grant.Name = "other" }),
		differs("fast_17_s3cret", func(l *hallpass.LegacyToken) { l.Grant.CreatedBy = "other" }),
		differs("fast_17_s3cret", func(l *hallpass.LegacyToken) { l.Grant.Resource = acme }),
		differs("fast_17_s3cret", func(l *hallpass.LegacyToken) { l.CreatedAt = longAgo.Add(time.Second) }),
		differs("slow_17_2", func(l *hallpass.LegacyToken) { l.Grant.Permissions = []hallpass.Permission{hallpass.RepositoryWrite} }),
	}
	check := func(when string) {
		t.Helper()
		before := all(t, w.store)
		results, errs := imports(t.Context(), w.Authority, rows(append(conflicts, oldToken("fast_99_s3cret"))...), hallpass.ImportOptions{DryRun: true})
		require.Len(t, errs, len(conflicts)+1)
		for i := range conflicts {
			assert.ErrorIs(t, errs[i], hallpass.ErrConflict, "%s: %d", when, i)
			assert.Zero(t, results[i].Status)
			assert.Zero(t, results[i].ID)
		}
		assert.NoError(t, errs[len(conflicts)])
		_, errs = imports(t.Context(), w.Authority, rows(conflicts...), hallpass.ImportOptions{})
		for i := range conflicts {
			assert.ErrorIs(t, errs[i], hallpass.ErrConflict, "%s: %d", when, i)
		}
		assert.Equal(t, before, all(t, w.store))
	}
	check("live")
	assert.Equal(t, before, all(t, w.store))
	without := differs("fast_17_s3cret", func(l *hallpass.LegacyToken) { l.CreatedAt = time.Time{} })
	results, errs := imports(t.Context(), w.Authority, rows(without), hallpass.ImportOptions{})
	assert.Equal(t, []error{nil}, errs)
	assert.Equal(t, hallpass.ImportPresent, results[0].Status, "a time that is not known does not differ")

	// Of the digest of a fast one, nothing is left when it is revoked; of the slow ones the fingerprint is.
	conflicts = conflicts[1:]
	for _, r := range before {
		require.NoError(t, w.Revoke(t.Context(), acme, r.Token.ID))
	}
	check("revoked")
}

// A revoked token whose grant the host has mapped otherwise since does not come back under the next ID.
func TestAnotherGrantDoesNotReviveAToken(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_s3cret")
	require.NoError(t, w.Revoke(t.Context(), acme, "slow:17"))
	token := oldToken("slow_17_s3cret", hallpass.RepositoryWrite)
	_, errs := imports(t.Context(), w.Authority, rows(token), hallpass.ImportOptions{})
	assert.ErrorIs(t, errs[0], hallpass.ErrConflict)
	assert.Len(t, all(t, w.store), 1)
}

// Where somebody edited a record, or it was ended for that, it may have been this token's: it does not get another.
func TestATamperedRecordInTheWayIsSaid(t *testing.T) {
	for _, ended := range []bool{false, true} {
		w := newLegacyWorld(t, "slow_17_one", "slow_17_two")
		edit(t, w.store, "slow:17", func(r *hallpass.Record) { r.Token.Name = "edited" })
		if ended {
			require.NoError(t, w.Revoke(t.Context(), acme, "slow:17"))
		}
		results, errs := imports(t.Context(), w.Authority, rows(oldToken("slow_17_one"), oldToken("slow_17_two"), oldToken("slow_17_three")), hallpass.ImportOptions{})
		assert.ErrorIs(t, errs[0], hallpass.ErrTampered)
		assert.NoError(t, errs[1])
		assert.Equal(t, []string{"1  ", "2 slow:17.2 present", "3  "}, statuses(results))
		assert.ErrorIs(t, errs[2], hallpass.ErrTampered)
		assert.Len(t, all(t, w.store), 2)
	}
}

// A token that has an ID gets no second, even where an ID before it has become free.
func TestAllIDsAreLookedAtBeforeOneIsTaken(t *testing.T) {
	w := newLegacyWorld(t, "slow_17_one", "slow_17_two")
	w.store.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
		if id == "slow:17" { // somebody deleted it
			return nil, hallpass.ErrNotFound
		}
		return w.store.Store.Get(ctx, id)
	}
	results, errs := imports(t.Context(), w.Authority, rows(oldToken("slow_17_two")), hallpass.ImportOptions{})
	assert.Equal(t, []error{nil}, errs)
	assert.Equal(t, []string{"1 slow:17.2 present"}, statuses(results))
}

func TestAStoreThatFailsEndsAnImportWhichGoesOnLater(t *testing.T) {
	w := newLegacyWorld(t)
	tokens := rows(oldToken("fast_1_s3cret"), oldToken("slow_2_s3cret"), oldToken("fast_3_s3cret"))
	broken := errors.New("broken")
	n := 0
	w.store.write = func(ctx context.Context, changes ...hallpass.Change) error {
		if n++; n == 2 {
			return broken
		}
		return w.store.Store.Write(ctx, changes...)
	}
	results, errs := imports(t.Context(), w.Authority, tokens, hallpass.ImportOptions{})
	require.Len(t, errs, 2)
	assert.Equal(t, []string{"1 fast:1 added", "2  "}, statuses(results))
	assert.ErrorIs(t, errs[1], hallpass.ErrUnavailable)
	assert.ErrorIs(t, errs[1], broken)
	results, errs = imports(t.Context(), w.Authority, tokens, hallpass.ImportOptions{})
	assert.Equal(t, make([]error, 3), errs)
	assert.Equal(t, []string{"1 fast:1 present", "2 slow:2 added", "3 fast:3 added"}, statuses(results))

	for name, fail := range map[string]func(){
		"read": func() {
			w.store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, broken }
		},
		"panic": func() { w.store.write = func(context.Context, ...hallpass.Change) error { panic("x") } },
		"conflict": func() {
			w.store.write = func(context.Context, ...hallpass.Change) error { return hallpass.ErrConflict }
		},
		"busy": func() { w.store.write = func(context.Context, ...hallpass.Change) error { return hallpass.ErrExists } },
	} {
		w.store.get, w.store.write = nil, nil
		fail()
		_, errs := imports(t.Context(), w.Authority, rows(oldToken("fast_4_s3cret"), oldToken("fast_5_s3cret")), hallpass.ImportOptions{})
		require.Len(t, errs, 1, name)
		assert.ErrorIs(t, errs[0], hallpass.ErrUnavailable, name)
	}
	w.store.get, w.store.write = nil, nil
	done, cancel := context.WithCancel(t.Context())
	cancel()
	_, errs = imports(done, w.Authority, tokens, hallpass.ImportOptions{DryRun: true})
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], context.Canceled)

	cfg := w.cfg
	cfg.Keys = mustKeys(t, hallpass.GenerateKey())
	_, errs = imports(t.Context(), hallpasstest.With(t, cfg), tokens, hallpass.ImportOptions{})
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], hallpass.ErrUnavailable, "an unknown key")
}

// Two imports at once give a token one ID, and two tokens two.
func TestImportsThatRace(t *testing.T) {
	for _, other := range []string{"slow_17_one", "slow_17_two"} {
		w := newLegacyWorld(t)
		w.store.write = func(ctx context.Context, changes ...hallpass.Change) error {
			w.store.write = nil
			w.bring(t, oldToken(other))
			return w.store.Write(ctx, changes...)
		}
		results, errs := imports(t.Context(), w.Authority, rows(oldToken("slow_17_one")), hallpass.ImportOptions{})
		assert.Equal(t, []error{nil}, errs)
		if other == "slow_17_one" {
			assert.Equal(t, []string{"1 slow:17 present"}, statuses(results))
			assert.Len(t, all(t, w.store), 1)
		} else {
			assert.Equal(t, []string{"1 slow:17.2 added"}, statuses(results))
			assert.Len(t, all(t, w.store), 2)
		}
	}
}

func TestAnErrorOfTheInputEndsItUnlessItIsThatOfARow(t *testing.T) {
	w := newLegacyWorld(t)
	broken := errors.New("broken")
	input := func(yield func(hallpass.LegacyToken, error) bool) {
		_ = yield(oldToken("fast_1_s3cret"), nil) &&
			yield(oldToken("fast_2_s3cret"), fmt.Errorf("row 2: %w", hallpass.ErrInvalid)) &&
			yield(oldToken("fast_3_s3cret"), nil) &&
			yield(oldToken("fast_4_s3cret"), broken) &&
			yield(oldToken("fast_5_s3cret"), nil)
	}
	results, errs := imports(t.Context(), w.Authority, input, hallpass.ImportOptions{})
	assert.Equal(t, []string{"1 fast:1 added", "2  ", "3 fast:3 added", "4  "}, statuses(results))
	assert.ErrorIs(t, errs[1], hallpass.ErrInvalid)
	assert.Equal(t, broken, errs[3])
	assert.Len(t, all(t, w.store), 2)
}

func TestAnImportDoesItsWorkAsItIsRangedOver(t *testing.T) {
	w := newLegacyWorld(t)
	pulled := 0
	var endless iter.Seq2[hallpass.LegacyToken, error] = func(yield func(hallpass.LegacyToken, error) bool) {
		for i := 1; ; i++ {
			pulled++
			if !yield(oldToken(fmt.Sprintf("fast_%d_s3cret", i)), nil) {
				return
			}
		}
	}
	seen := 0
	for _, err := range w.Import(t.Context(), endless, hallpass.ImportOptions{}) {
		require.NoError(t, err)
		if seen++; seen == 3 {
			break
		}
	}
	assert.Equal(t, 3, pulled)
	assert.Len(t, all(t, w.store), 3)
}

func TestNothingIsImportedThatNobodyCouldCheck(t *testing.T) {
	a := hallpasstest.New(t)
	results, errs := imports(t.Context(), a, rows(oldToken("fast_1_s3cret"), oldToken("fast_2_s3cret")), hallpass.ImportOptions{})
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], hallpass.ErrInvalid)
	assert.Zero(t, results[0])
}

func TestPolicyIsNotAskedOnImport(t *testing.T) {
	w := newLegacyWorld(t)
	w.cfg.Policy = func(context.Context, hallpass.Grant) error { return errors.New("no") }
	_, errs := imports(t.Context(), hallpasstest.With(t, w.cfg), rows(oldToken("fast_1_s3cret")), hallpass.ImportOptions{})
	assert.Equal(t, []error{nil}, errs)
}

func TestAnImportKeepsNothingOfTheCallers(t *testing.T) {
	w := newLegacyWorld(t)
	token := oldToken("fast_1_s3cret")
	token.CreatedAt = time.Time{}
	token.Grant.Resource = api.In("core")
	token.Grant.RevokeAt = time.Now().Add(time.Hour)
	before := time.Now().Truncate(time.Microsecond)
	w.bring(t, token)
	r := w.record(t, "fast:1")
	assert.Equal(t, api, r.Token.Resource)
	assert.Equal(t, token.Grant.RevokeAt.Truncate(time.Microsecond).UTC(), r.Token.RevokedAt)
	assert.False(t, r.Token.CreatedAt.Before(before), "no time is now")
}

func TestImportStatusesHaveNames(t *testing.T) {
	var names []string
	for s := range hallpass.ImportStatus(5) {
		names = append(names, s.String())
	}
	assert.Equal(t, []string{"", "added", "present", "ended", ""}, names)
}
