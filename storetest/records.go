package storetest

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
)

// acme is the workspace of most records.
const acme = "acme"

// idOf returns an ID as hallpass issues them, always the same for n. Their order is not that of the numbers.
func idOf(n int) hallpass.ID {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random := digest("id", n)
	id := make([]byte, 20)
	for i := range id {
		id[i] = alphabet[int(random[i])%len(alphabet)]
	}
	return hallpass.ID(id)
}

// digest returns 32 bytes that look random, always the same.
func digest(purpose string, n int) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d", purpose, n))
}

// filled returns 32 times b.
func filled(b byte) (d [32]byte) {
	for i := range d {
		d[i] = b
	}
	return d
}

// at returns the time of minute n, with microseconds.
func at(n int) time.Time {
	return time.Date(2024, time.February, 29, 23, 0, 0, 123457000, time.UTC).Add(time.Duration(n) * time.Minute)
}

// record returns the record number n, of a live token, changed as edits say.
func record(n int, edits ...func(*hallpass.Record)) *hallpass.Record {
	r := &hallpass.Record{
		Token: hallpass.Token{
			ID:        idOf(n),
			Name:      fmt.Sprintf("deploy job %d", n),
			Resource:  hallpass.Repository(acme, "api"),
			CreatedBy: "user-1",
			CreatedAt: at(n),
		},
		ScopeText: "pipeline:write repository",
		Verifier:  digest("verifier", n),
		Seal:      digest("seal", n),
		KeyID:     1<<63 | uint64(n),
		Format:    1,
	}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

// records returns those with the numbers from first to before end.
func records(first, end int) []*hallpass.Record {
	all := make([]*hallpass.Record, 0, end-first)
	for n := first; n < end; n++ {
		all = append(all, record(n))
	}
	return all
}

// variants returns one record for each value, numbered from 1 and changed by set.
func variants[T any](set func(r *hallpass.Record, value T), values ...T) []*hallpass.Record {
	var all []*hallpass.Record
	for i, value := range values {
		all = append(all, record(i+1, func(r *hallpass.Record) { set(r, value) }))
	}
	return all
}

// bound returns one record for each resource.
func bound(resources ...hallpass.Resource) []*hallpass.Record {
	return variants(func(r *hallpass.Record, to hallpass.Resource) { r.Token.Resource = to }, resources...)
}

// edited returns a copy of r that is changed by edit.
func edited(r *hallpass.Record, edit func(*hallpass.Record)) *hallpass.Record {
	c := *r
	edit(&c)
	return &c
}

// version returns r with all that may change changed; from its KeyID one can tell n.
func version(r *hallpass.Record, n int) *hallpass.Record {
	return edited(r, func(r *hallpass.Record) {
		r.Token.RevokedAt, r.Token.ReplacedBy = at(100000+n), idOf(100000+n)
		r.Verifier, r.Seal = digest("another verifier", n), digest("another seal", n)
		r.KeyID, r.Format = 1<<62|uint64(n), byte(2+n%200)
		r.Extra = fmt.Sprintf("version %d", n)
	})
}

// differences says in which fields got is not want; nil if in none.
func differences(got, want *hallpass.Record) error {
	if *got == *want {
		return nil
	}
	all := append(fieldwise("Token.", got.Token, want.Token), fieldwise("", *got, *want)...)
	return fmt.Errorf("the record with the ID %q is not the one that was written: %s", want.Token.ID, strings.Join(all, "; "))
}

// fieldwise compares two structs of one type, save fields that are a Token.
func fieldwise(prefix string, got, want any) (all []string) {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		a, b := g.Field(i).Interface(), w.Field(i).Interface()
		if _, whole := a.(hallpass.Token); whole || a == b {
			continue
		}
		was, should := show(a), show(b)
		if g.Field(i).Kind() == reflect.String {
			was, should = showTexts(g.Field(i).String(), w.Field(i).String())
		}
		all = append(all, fmt.Sprintf("%s%s is %s, not %s", prefix, g.Type().Field(i).Name, was, should))
	}
	return all
}

// showTexts shows two texts from a little before the first byte in which they differ.
func showTexts(a, b string) (string, string) {
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := max(same-20, 0)
	cut := func(s string) string {
		if from == 0 && len(s) <= 60 {
			return fmt.Sprintf("%q", s)
		}
		return fmt.Sprintf("%q (from byte %d on; %d bytes in all)", s[from:min(len(s), from+60)], from, len(s))
	}
	return cut(a), cut(b)
}

// show shows a value of a field as one has to see it to tell it from others.
func show(v any) string {
	switch v := v.(type) {
	case hallpass.Resource:
		return fmt.Sprintf("%q", v)
	case time.Time:
		if v.IsZero() && v != (time.Time{}) {
			return "the zero time in " + v.Location().String()
		}
		return v.Format("2006-01-02 15:04:05.999999999 ") + v.Location().String()
	case [32]byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprintf("%v", v)
}
