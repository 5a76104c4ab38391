package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// RecordUses notes that these tokens were used, in one transaction. What is lost of it in a crash is lost without harm, so it does not
// wait for the disk any longer than the database is set up to.
func (s *Store) RecordUses(ctx context.Context, uses []hallpass.Use) error {
	return s.retry(ctx, func() error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return s.engine.atomically(ctx, conn, func() error {
			for _, u := range uses {
				if _, err := conn.ExecContext(ctx, s.sql.recordUse, string(u.ID), micros(u.At)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// LastUses returns what it has of these tokens.
func (s *Store) LastUses(ctx context.Context, ids []hallpass.ID) (uses []hallpass.Use, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for len(ids) > 0 {
		some := ids[:min(len(ids), pageSize)]
		ids = ids[len(some):]
		var page []hallpass.Use
		err := s.retry(ctx, func() (err error) {
			page, err = s.lastUses(ctx, some)
			return err
		})
		if err != nil {
			return nil, err
		}
		uses = append(uses, page...)
	}
	return uses, nil
}

func (s *Store) lastUses(ctx context.Context, ids []hallpass.ID) (uses []hallpass.Use, err error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = string(id)
	}
	marks := strings.Repeat(", ?", len(ids))[2:]
	rows, err := s.db.QueryContext(ctx, s.engine.rebind("SELECT id, used_at FROM hallpass_uses WHERE id IN ("+marks+")"), args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		uses = append(uses, hallpass.Use{ID: hallpass.ID(id), At: instant(at)})
	}
	return uses, errors.Join(rows.Err(), rows.Close())
}
