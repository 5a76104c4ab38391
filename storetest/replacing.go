package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallpass-go/hallpass"
)

// replacing has the rules of the change that replaces a record.
func replacing() []testCase {
	return []testCase{
		{
			name: "a replace writes what may change and leaves the rest",
			explanation: "A replace writes RevokedAt, ReplacedBy, Verifier, Seal, KeyID, Format and Extra together. " +
				"All else, and every other record, stays as it was.",
			check: replaces,
		},
		{
			name:        "a replace writes zero values too",
			explanation: "Zero is a value. A record that was tampered with is ended by KeyID 0, a zero Verifier and a zero Seal.",
			check: func(ctx context.Context, s hallpass.Store) error {
				full, other := version(record(1), 1), version(record(2), 2)
				if err := create(ctx, s, full, other); err != nil {
					return err
				}
				gone := edited(full, abandon)
				empty := edited(gone, func(r *hallpass.Record) {
					r.Token.RevokedAt, r.Token.ReplacedBy, r.Format, r.Extra = time.Time{}, "", 0, ""
				})
				steps := []*hallpass.Record{full, gone, empty, full}
				for i, next := range steps[1:] {
					if err := replace(ctx, s, steps[i], next); err != nil {
						return err
					}
					if err := keeps(ctx, s, next, other); err != nil {
						return fmt.Errorf("after a replace: %w", err)
					}
				}
				return nil
			},
		},
		{
			name:        "a replace that changes nothing is nil",
			explanation: "A record that is replaced by its equal was found with the right Seal. How many rows a database calls changed does not matter.",
			check: func(ctx context.Context, s hallpass.Store) error {
				if err := create(ctx, s, record(1)); err != nil {
					return err
				}
				if err := replace(ctx, s, record(1), record(1)); err != nil {
					return err
				}
				return keeps(ctx, s, record(1))
			},
		},
		{
			name:        "a replace compares the Seal and nothing else",
			explanation: "Of Old, its ID says which record is meant, and its Seal that nobody changed it since. The rest of Old does not matter.",
			check:       comparesSeal,
		},
		{
			name:        "another Seal is ErrConflict",
			explanation: "Write returns ErrConflict where the stored Seal is not that of Old, in any byte, and then changes nothing.",
			check:       conflicts,
		},
		{
			name:        "a replace of what is not there is ErrNotFound",
			explanation: "A replace never creates. Write returns ErrNotFound where no record has the ID of Old.",
			check: func(ctx context.Context, s hallpass.Store) error {
				missing := record(2)
				change := hallpass.Change{Old: missing, New: version(missing, 1)}
				if err := refuses(ctx, s, hallpass.ErrNotFound, nil, change); err != nil {
					return err
				}
				had := []*hallpass.Record{record(1), record(3)}
				if err := create(ctx, s, had...); err != nil {
					return err
				}
				zero := edited(missing, func(r *hallpass.Record) { r.Seal = [32]byte{} })
				if err := refuses(ctx, s, hallpass.ErrNotFound, had, hallpass.Change{Old: zero, New: missing}); err != nil {
					return err
				}
				return refuses(ctx, s, hallpass.ErrNotFound, had, change)
			},
		},
	}
}

func replaces(ctx context.Context, s hallpass.Store) error {
	r := version(record(1), 0)
	r.Token.Replaces = idOf(7)
	others := []*hallpass.Record{record(2), version(record(3), 0)}
	if err := create(ctx, s, append(others, r)...); err != nil {
		return err
	}
	for _, w := range []struct {
		what string
		edit func(r *hallpass.Record)
	}{
		{"RevokedAt", func(r *hallpass.Record) { r.Token.RevokedAt = at(5).Add(time.Microsecond) }},
		{"ReplacedBy", func(r *hallpass.Record) { r.Token.ReplacedBy = idOf(5) }},
		{"Verifier", func(r *hallpass.Record) { r.Verifier[31] ^= 1 }},
		{"Seal", func(r *hallpass.Record) { r.Seal[31] ^= 1 }},
		{"KeyID", func(r *hallpass.Record) { r.KeyID ^= 1 << 63 }},
		{"Format", func(r *hallpass.Record) { r.Format ^= 1 }},
		{"Extra", func(r *hallpass.Record) { r.Extra += " " }},
		{"all at once", func(r *hallpass.Record) { *r = *version(r, 1) }},
	} {
		next := edited(r, w.edit)
		if err := replace(ctx, s, r, next); err != nil {
			return err
		}
		if err := keeps(ctx, s, append(others, next)...); err != nil {
			return fmt.Errorf("after a replace with another %s: %w", w.what, err)
		}
		r = next
	}
	return nil
}

func comparesSeal(ctx context.Context, s hallpass.Store) error {
	stored := record(1)
	if err := create(ctx, s, stored); err != nil {
		return err
	}
	for i, old := range []func(seal [32]byte) *hallpass.Record{
		func(seal [32]byte) *hallpass.Record {
			return &hallpass.Record{Token: hallpass.Token{ID: stored.Token.ID}, Seal: seal}
		},
		func(seal [32]byte) *hallpass.Record {
			return record(3, func(r *hallpass.Record) { r.Token.ID, r.Seal = stored.Token.ID, seal })
		},
		func(seal [32]byte) *hallpass.Record {
			return edited(version(stored, 77), func(r *hallpass.Record) { r.Seal = seal })
		},
	} {
		next := version(stored, i+1)
		if err := replace(ctx, s, old(stored.Seal), next); err != nil {
			return fmt.Errorf("the other fields of Old were not those that are stored: %w", err)
		}
		if err := keeps(ctx, s, next); err != nil {
			return err
		}
		stored = next
	}
	return nil
}

func conflicts(ctx context.Context, s hallpass.Store) error {
	for i, seals := range []struct{ stored, old [32]byte }{
		{digest("seal", 1), [32]byte{}},
		{[32]byte{}, digest("seal", 1)},
		{digest("seal", 1), digest("seal", 2)},
		{filled('A'), filled('a')},
		{[32]byte{1, 2}, [32]byte{1, 2, 31: 1}},
		{[32]byte{1, 2}, [32]byte{1, 3}},
		{[32]byte{31: ' '}, [32]byte{31: 0}},
		{filled(0x80), filled(0x00)},
		{filled(0xff), filled(0xfe)},
	} {
		stored := record(i, func(r *hallpass.Record) { r.Seal = seals.stored })
		if err := create(ctx, s, stored); err != nil {
			return err
		}
		old := edited(stored, func(r *hallpass.Record) { r.Seal = seals.old })
		err := s.Write(ctx, hallpass.Change{Old: old, New: version(stored, 1)})
		if !errors.Is(err, hallpass.ErrConflict) {
			return fmt.Errorf("with the stored Seal %x and that of Old %x, Write returned %s", seals.stored, seals.old, said(err))
		}
		if err := holds(ctx, s, stored); err != nil {
			return fmt.Errorf("Write returned ErrConflict, and changed something: %w", err)
		}
	}
	// A record that was replaced since is the same.
	first := record(100)
	second := version(first, 1)
	if err := create(ctx, s, first); err != nil {
		return err
	}
	if err := replace(ctx, s, first, second); err != nil {
		return err
	}
	if err := s.Write(ctx, hallpass.Change{Old: first, New: version(first, 2)}); !errors.Is(err, hallpass.ErrConflict) {
		return fmt.Errorf("for an Old from before a replace, Write returned %s", said(err))
	}
	return holds(ctx, s, second)
}
