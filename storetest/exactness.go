package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
)

// exactness has the rules on what is written and comes back.
func exactness() []testCase {
	return []testCase{
		{
			name:        "a created record comes back as it was",
			explanation: "Get and List return a record that equals the one that was written, in every field.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, record(1), record(2, func(r *hallpass.Record) {
					r.Token.RevokedAt, r.Token.Replaces, r.Token.ReplacedBy = at(90), idOf(1), idOf(3)
					r.Extra = "imported"
				}))
			},
		},
		{
			name:        "a time comes back in UTC to the microsecond",
			explanation: "Times are kept to the microsecond, whatever the year, and given back in UTC as time.UnixMicro makes them.",
			check:       times,
		},
		{
			name:        "the zero time stays the zero time",
			explanation: "The zero time means none. It comes back as time.Time{}, not as another time that is called zero.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, record(1), record(2, func(r *hallpass.Record) { r.Token.CreatedAt = time.Time{} }))
			},
		},
		{
			name:        "all 64 bits of KeyID count",
			explanation: "A KeyID may have its highest bit set. Where a database has no unsigned numbers, bind it as int64(KeyID).",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, variants(func(r *hallpass.Record, id uint64) { r.KeyID = id },
					0, 1, 1<<53+1, math.MaxInt64, 1<<63, 1<<63+1, math.MaxUint64)...)
			},
		},
		{
			name:        "a digest comes back byte for byte",
			explanation: "Verifier and Seal are 32 bytes of any value. They are no text: nothing is trimmed, padded or decoded.",
			check:       digests,
		},
		{
			name:        "Format comes back",
			explanation: "Format is a number from 0 to 255 that the store does not interpret.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, variants(func(r *hallpass.Record, format uint8) { r.Format = format }, 0, 1, 2, 127, 128, 255)...)
			},
		},
		{
			name:        "Extra comes back verbatim",
			explanation: "Extra is any text, empty or long. The seal covers its bytes, so not even white space in it may change.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, variants(func(r *hallpass.Record, extra string) { r.Extra = extra },
					"", " ", "NULL", `{"b": 1,  "a": [1.0, 2e3], "a": null}`, `it's "quoted", `+"`so`"+` and \\ so`, "two\nlines\r\n\tand\n\n",
					" outside ", "grüße 日本 🎫 e\u0301 \u2028 \ufeff", "\x01\x1b[0m\x7f", "'; DROP TABLE tokens; --", "%s %d $1 ? :name @p1 {{.}}",
					strings.Repeat("a", 8<<10), strings.Repeat("añ🎫 ", 1<<10))...)
			},
		},
		{
			name:        "every kind of resource comes back",
			explanation: "A record is bound to a workspace, a project or a repository. Parts with the same IDs do not make them the same.",
			check: func(ctx context.Context, s hallpass.Store) error {
				return comesBack(ctx, s, bound(hallpass.Workspace(acme), hallpass.Project(acme, "api"), hallpass.Repository(acme, "api"),
					hallpass.Workspace("api"), hallpass.Project("api", acme), hallpass.Repository("api", acme), hallpass.Repository(acme, acme))...)
			},
		},
		{
			name:        "IDs that look alike are different",
			explanation: "IDs are compared byte for byte: no folding of case, no trimming, no patterns.",
			check:       lookalikeIDs,
		},
		{
			name:        "texts that look alike come back as they were",
			explanation: "Names, creators and scopes are kept byte for byte: no folding of case, no trimming, no normalization.",
			check:       lookalikeTexts,
		},
		{
			name: "the longest texts are not cut",
			explanation: "IDs, names and creators have up to 128 bytes, a scope up to 128 permissions of 64 bytes, Extra some thousand bytes. " +
				"A text that does not fit must not be cut.",
			check: longest,
		},
	}
}

func times(ctx context.Context, s hallpass.Store) error {
	set := func(r *hallpass.Record, t time.Time) {
		r.Token.CreatedAt, r.Token.RevokedAt = t, t.Add(100*365*24*time.Hour)
	}
	exact := variants(set, at(0), at(0).Add(time.Microsecond), time.UnixMicro(1).UTC(), time.UnixMicro(-1).UTC(),
		time.Date(1900, 1, 1, 0, 0, 0, 999999000, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 8, 1000, time.UTC),
		time.Date(9899, 12, 31, 23, 59, 59, 999999000, time.UTC))
	written, kept := record(100), record(100)
	set(written, time.Date(2024, 1, 1, 2, 3, 4, 123456789, time.FixedZone("elsewhere", 5*3600+1800)))
	set(kept, time.Date(2023, 12, 31, 20, 33, 4, 123456000, time.UTC))
	if err := create(ctx, s, append(exact, written)...); err != nil {
		return err
	}
	return keeps(ctx, s, append(exact, kept)...)
}

func digests(ctx context.Context, s hallpass.Store) error {
	var rising, inner [32]byte
	for i := range rising {
		rising[i] = byte(i)
	}
	inner[15] = 1
	all := [][32]byte{{}, filled(0xff), filled(0x80), filled(' '), filled('0'), filled('\\'), filled('\''), rising, inner, {1}, {31: 1}}
	var rs []*hallpass.Record
	for i, d := range all {
		rs = append(rs,
			record(2*i, func(r *hallpass.Record) { r.Verifier = d }),
			record(2*i+1, func(r *hallpass.Record) { r.Seal = d }))
	}
	return comesBack(ctx, s, rs...)
}

func lookalikeIDs(ctx context.Context, s hallpass.Store) error {
	const id hallpass.ID = "Strasse7strasse7Stra"
	var all []*hallpass.Record
	for i, other := range []hallpass.ID{
		id, "strasse7strasse7stra", "STRASSE7STRASSE7STRA", "Strasse7strasse7StrA", "Strasse7strasse7Str", "Strasse7strasse7Straa",
		"_" + id[1:], "%",
		id + "%", id + ".", id + "-", id + `\`, id + "'", id + `"`, "0", "00", "0.0", "1e3", "1000",
	} {
		all = append(all, record(i+1, func(r *hallpass.Record) { r.Token.ID, r.Token.Replaces, r.Token.ReplacedBy = other, other, other }))
	}
	if err := comesBack(ctx, s, all...); err != nil {
		return err
	}
	for _, unknown := range []hallpass.ID{"sTRASSE7strasse7Stra", "Strasse7strasse7St", id + "_", "_", id[:19] + "_", "%%", "000", "0.00", "1E3", "*"} {
		if err := absent(ctx, s, unknown); err != nil {
			return err
		}
	}
	// Nobody asks for these, so that the error does not matter. They must not open another token's record.
	for _, unknown := range []hallpass.ID{
		id + " ", " " + id, id + "\n", id + "\t", "Straße7strasse7Stra", "Strässe7strasse7Stra", "Stra\u0301sse7strasse7Stra", "Ｓtrasse7strasse7Stra",
	} {
		if r, err := s.Get(ctx, unknown); err == nil {
			if r == nil {
				return fmt.Errorf("Get(%q) returned neither a record nor an error", unknown)
			}
			return fmt.Errorf("Get(%q) returned the record with the ID %q", unknown, r.Token.ID)
		}
	}
	return nil
}

func lookalikeTexts(ctx context.Context, s hallpass.Store) error {
	texts := []string{
		"strasse", "Strasse", "STRASSE", "straße", "STRAẞE", "strasse ", " strasse", "strasse  ", "strasse\u00a0", "strässe", "stra\u0308sse",
		"ｓｔｒａｓｓｅ", "ﬆrasse", "str\u0430sse", "stras\u200bse", "i", "I", "ı", "İ", "", " ", "0", "0.0", "null", `"`, "'", `\`, `\'`, "%", "_", "日本", "🎫",
	}
	var all []*hallpass.Record
	for i, text := range texts {
		all = append(all, record(i+1, func(r *hallpass.Record) {
			r.Token.Name, r.Token.CreatedBy, r.ScopeText = text, texts[len(texts)-1-i], texts[(i+1)%len(texts)]
		}))
	}
	return comesBack(ctx, s, all...)
}

func longest(ctx context.Context, s hallpass.Store) error {
	long := func(last string) string { return strings.Repeat("x", 128-len(last)) + last }
	permissions := slices.Repeat([]string{strings.Repeat("p", 64)}, 128)
	var all []*hallpass.Record
	for i, last := range []string{"a", "b", "A", "ü", "🎫"} {
		all = append(all, record(i+1, func(r *hallpass.Record) {
			if len(last) == 1 { // an ID is visible ASCII
				r.Token.ID, r.Token.Replaces, r.Token.ReplacedBy = hallpass.ID(long(last)), hallpass.ID(long(last)), hallpass.ID(long(last))
				r.Token.Resource = hallpass.Repository(long(last), long(last))
			}
			r.Token.Name, r.Token.CreatedBy = long(last), strings.Repeat(last, 128/len(last))
			r.ScopeText = strings.Join(permissions, " ")
			r.Extra = strings.Repeat(last, 8<<10/len(last))
		}))
	}
	all = append(all,
		record(10, func(r *hallpass.Record) { r.Token.Resource = hallpass.Workspace(long("a")) }),
		record(11, func(r *hallpass.Record) { r.Token.Resource = hallpass.Project(long("a"), long("b")) }))
	if err := comesBack(ctx, s, all...); err != nil {
		return err
	}
	return errors.Join(
		yields(ctx, s, hallpass.Query{Within: hallpass.Workspace(long("a"))}, all),
		yields(ctx, s, hallpass.Query{Within: hallpass.Repository(long("A"), long("A"))}, all))
}
