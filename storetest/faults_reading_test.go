package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

// readingFaults are of Get.
func readingFaults() []fault {
	return []fault{
		{"returns neither a record nor an error", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, err := f.get(ctx, id)
			if errors.Is(err, hallpass.ErrNotFound) {
				err = nil
			}
			return r, err
		}), map[string]string{"an unknown ID is ErrNotFound": "no error, not ErrNotFound", "IDs that look alike are different": "no error, not ErrNotFound"}},
		{"has an error of its own for an unknown ID", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, err := f.get(ctx, id)
			if errors.Is(err, hallpass.ErrNotFound) {
				err = errors.New("no rows")
			}
			return r, err
		}), map[string]string{"an unknown ID is ErrNotFound": `the error "no rows", not ErrNotFound`}},
		{"takes every error for ErrNotFound", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, err := f.get(ctx, id)
			if err != nil {
				err = hallpass.ErrNotFound
			}
			return r, err
		}), map[string]string{"Get with a done context is an error": "context canceled"}},
		{"ignores the context of Get", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			return f.get(context.WithoutCancel(ctx), id)
		}), map[string]string{"Get with a done context is an error": "returned no error"}},
		{"returns the ID that it was asked for", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			r, err := f.get(ctx, id)
			if err == nil {
				r = edited(r, func(r *hallpass.Record) { r.Token.ID = id })
			}
			return r, err
		}), map[string]string{"the record has an ID of its own": "Token.ID is"}},
		{"remembers the last ID that it was asked for", func(f *fake) {
			var last hallpass.ID
			var found *hallpass.Record
			get := f.get
			f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
				if found != nil && last == id {
					return found, nil
				}
				r, err := get(ctx, id)
				last, found = id, r
				return r, err
			}
		}, map[string]string{"Get does not retain the ID": "was overwritten"}},
		{"remembers all IDs that it was asked for", func(f *fake) {
			asked := map[hallpass.ID]bool{}
			get := f.get
			f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
				asked[id] = true
				return get(ctx, id)
			}
		}, map[string]string{"Get does not retain the ID": "was not freed"}},
		{"remembers IDs that are unknown", func(f *fake) {
			unknown := map[hallpass.ID]bool{}
			get := f.get
			f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
				r, err := get(ctx, id)
				if err != nil {
					unknown[id] = true
				}
				return r, err
			}
		}, map[string]string{"Get does not retain the ID": "was not freed"}},
		{"changes a record in place", onWrite(func(f *fake, ctx context.Context, changes []hallpass.Change) error {
			if stored, err := f.get(ctx, changes[0].New.Token.ID); changes[0].Old != nil && err == nil {
				*stored = *changes[0].New
				return nil
			}
			return f.write(ctx, changes...)
		}), map[string]string{"a record that was handed out stays as it was": "from before a replace"}},
	}
}

// exactnessFaults are of what is kept.
func exactnessFaults() []fault {
	const look, texts, time_, extra = "IDs that look alike are different", "texts that look alike come back as they were",
		"a time comes back in UTC to the microsecond", "Extra comes back verbatim"
	return []fault{
		{"loses Replaces", onRead(func(r *hallpass.Record) { r.Token.Replaces = "" }), map[string]string{"a created record comes back as it was": `Token.Replaces is "", not`}},
		{"loses the scope", onRead(func(r *hallpass.Record) { r.ScopeText = "" }), map[string]string{"a created record comes back as it was": `ScopeText is "", not`}},
		{"keeps seconds", onTimes(func(t time.Time) time.Time { return t.Truncate(time.Second) }), map[string]string{time_: "23:00:00 UTC, not 2024-02-29 23:00:00.123457 UTC"}},
		{"keeps nanoseconds in 64 bits", onTimes(func(t time.Time) time.Time { return time.Unix(0, t.UnixNano()).UTC() }), map[string]string{time_: "not 9899-12-31"}},
		{"keeps 32-bit seconds", onTimes(func(t time.Time) time.Time { return time.Unix(int64(int32(t.Unix())), int64(t.Nanosecond())).UTC() }), map[string]string{time_: "not 2"}},
		{"gives the local time", onTimes(func(t time.Time) time.Time { return t.In(time.FixedZone("local", 3600)) }), map[string]string{time_: "local, not"}},
		{"gives a UTC of its own", onTimes(func(t time.Time) time.Time { return t.In(time.FixedZone("UTC", 0)) }), map[string]string{time_: "Token.CreatedAt is"}},
		{"makes 1970 of the zero time", onRead(func(r *hallpass.Record) {
			if r.Token.RevokedAt.IsZero() {
				r.Token.RevokedAt = time.UnixMicro(0).UTC()
			}
		}), map[string]string{"the zero time stays the zero time": "RevokedAt is 1970-01-01 00:00:00 UTC, not 0001-01-01"}},
		{"keeps 63 bits of KeyID", onRead(func(r *hallpass.Record) { r.KeyID &= math.MaxInt64 }), map[string]string{"all 64 bits of KeyID count": "KeyID is 0, not 9223372036854775808"}},
		{"keeps KeyID as a float", onRead(func(r *hallpass.Record) { r.KeyID = uint64(float64(r.KeyID)) }), map[string]string{"all 64 bits of KeyID count": "not 9007199254740993"}},
		{"trims spaces of digests", onRead(func(r *hallpass.Record) {
			trimmed := [32]byte{}
			copy(trimmed[:], bytes.TrimRight(r.Verifier[:], " "))
			r.Verifier = trimmed
		}), map[string]string{"a digest comes back byte for byte": "Verifier is 00"}},
		{"ends a seal at a zero byte", onRead(func(r *hallpass.Record) {
			if i := bytes.IndexByte(r.Seal[:], 0); i >= 0 {
				clear(r.Seal[i:])
			}
		}), map[string]string{"a digest comes back byte for byte": "Seal is "}},
		{"knows one format", onRead(func(r *hallpass.Record) { r.Format = 1 }), map[string]string{"Format comes back": "Format is 1, not 0"}},
		{"loses Extra", onRead(func(r *hallpass.Record) { r.Extra = "" }), map[string]string{extra: `Extra is "", not`}},
		{"trims Extra", onRead(func(r *hallpass.Record) { r.Extra = strings.TrimSpace(r.Extra) }), map[string]string{extra: `Extra is "", not " "`}},
		{"keeps Extra as JSON", onRead(func(r *hallpass.Record) {
			var compact bytes.Buffer
			if json.Compact(&compact, []byte(r.Extra)) == nil {
				r.Extra = compact.String()
			}
		}), map[string]string{extra: `{\"b\":1,`}},
		{"keeps 255 bytes of Extra", onRead(func(r *hallpass.Record) { r.Extra = cut(r.Extra, 255) }), map[string]string{extra: "255 bytes in all"}},
		{"takes a project for a repository", onRead(func(r *hallpass.Record) {
			if to := r.Token.Resource; to.Kind() == hallpass.ProjectKind {
				r.Token.Resource = hallpass.Repository(to.Workspace(), to.Project())
			}
		}), map[string]string{"every kind of resource comes back": `"repository:acme/api", not "project:acme/api"`}},
		{"folds the case of IDs", foldsIDs, map[string]string{look: "exists"}},
		{"folds the case of the ID that it is asked for", func(f *fake) {
			var mu sync.Mutex
			known := map[hallpass.ID]hallpass.ID{}
			get, write := f.get, f.write
			f.get = func(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
				r, err := get(ctx, id)
				if err != nil {
					mu.Lock()
					defer mu.Unlock()
					return get(ctx, known[hallpass.ID(strings.ToLower(string(id)))])
				}
				return r, nil
			}
			f.write = func(ctx context.Context, changes ...hallpass.Change) error {
				mu.Lock()
				defer mu.Unlock()
				for _, c := range changes {
					known[hallpass.ID(strings.ToLower(string(c.New.Token.ID)))] = c.New.Token.ID
				}
				return write(ctx, changes...)
			}
		}, map[string]string{look: `Get("sTRASSE7strasse7Stra") returned the record with the ID`}},
		{"pads IDs", onGet(func(f *fake, ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
			return f.get(ctx, hallpass.ID(strings.TrimRight(string(id), " ")))
		}), map[string]string{look: `Get("Strasse7strasse7Stra ") returned the record with the ID "Strasse7strasse7Stra"`}},
		{"trims names", onRead(func(r *hallpass.Record) { r.Token.Name = strings.TrimSpace(r.Token.Name) }), map[string]string{texts: `Token.Name is "strasse", not "strasse "`}},
		{"folds creators", onRead(func(r *hallpass.Record) { r.Token.CreatedBy = strings.ToLower(r.Token.CreatedBy) }), map[string]string{texts: "Token.CreatedBy is"}},
		{"cuts names", onRead(func(r *hallpass.Record) { r.Token.Name = cut(r.Token.Name, 100) }), map[string]string{"the longest texts are not cut": "128 bytes in all"}},
		{"cuts scopes", onRead(func(r *hallpass.Record) { r.ScopeText = cut(r.ScopeText, 8<<10) }), map[string]string{"the longest texts are not cut": "8192 bytes in all"}},
	}
}

// onTimes breaks the times that are not zero.
func onTimes(edit func(time.Time) time.Time) func(*fake) {
	return onRead(func(r *hallpass.Record) {
		for _, t := range []*time.Time{&r.Token.CreatedAt, &r.Token.RevokedAt} {
			if !t.IsZero() {
				*t = edit(*t)
			}
		}
	})
}

// foldsIDs makes the IDs of new records that differ in case the same, as a database does whose collation does.
func foldsIDs(f *fake) {
	var mu sync.Mutex
	known := map[string]hallpass.ID{}
	write := f.write
	f.write = func(ctx context.Context, changes ...hallpass.Change) error {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changes {
			folded := strings.ToLower(string(c.New.Token.ID))
			if other, taken := known[folded]; taken && other != c.New.Token.ID {
				return hallpass.ErrExists
			}
			known[folded] = c.New.Token.ID
		}
		return write(ctx, changes...)
	}
}

func cut(s string, n int) string { return s[:min(n, len(s))] }
