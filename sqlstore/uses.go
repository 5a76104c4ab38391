package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// usesSize is how many uses one statement writes or reads.
const usesSize = 200

// RecordUses notes that these tokens were used. Each statement commits by itself, in the order of IDs, so that replicas that write at once
// do not wait for each other in a circle. What is lost of it in a crash is lost without harm, so it does not wait for the disk any
// longer than the database is set up to.
func (s *Store) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for some := range slices.Chunk(latest(uses), usesSize) {
		args := make([]any, 0, 2*len(some))
		for _, u := range some {
			args = append(args, s.engine.text(string(u.ID)), micros(u.At))
		}
		err := s.retry(ctx, func() error {
			_, err := s.db.ExecContext(ctx, s.dialect.recordUses(len(some)), args...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// latest returns the last use of each token, in the order of IDs.
func latest(uses []hallpass.Use) []hallpass.Use {
	sorted := slices.SortedFunc(slices.Values(uses), func(a, b hallpass.Use) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), b.At.Compare(a.At))
	})
	return slices.CompactFunc(sorted, func(a, b hallpass.Use) bool { return a.ID == b.ID })
}

// LastUses returns what it has of these tokens.
func (s *Store) LastUses(ctx context.Context, ids []hallpass.ID) (uses []hallpass.Use, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(ids, usesSize) {
		var args []any
		for _, id := range some {
			args = append(args, s.engine.text(string(id)))
		}
		var page []hallpass.Use
		err := s.retry(ctx, func() error {
			page = nil
			return each(ctx, s.db, s.dialect.lastUses(len(some)), args, func(row scanner) error {
				var id []byte
				var at int64
				err := row.Scan(&id, &at)
				page = append(page, hallpass.Use{ID: hallpass.ID(id), At: instant(at)})
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		uses = append(uses, page...)
	}
	return uses, nil
}
