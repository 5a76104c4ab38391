package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// Check reports whether the database is fit to keep tokens: it is the one that is written to, its tables are there, with columns of the
// types that keep texts byte for byte, and what it acknowledges outlives a crash. The error wraps [hallpass.ErrUnavailable] and says
// what to do. [hallpass.Authority.Check] calls it.
func (s *Store) Check(ctx context.Context) error {
	err := s.retry(ctx, func() error {
		return onConnection(ctx, s.db, func(conn *sql.Conn) error {
			if err := s.engine.fit(ctx, conn, s.dialect.lossy()); err != nil {
				return err
			}
			return s.tables(ctx, conn, false)
		})
	})
	if err != nil {
		return fmt.Errorf("%w: sqlstore: %w", hallpass.ErrUnavailable, err)
	}
	return nil
}

// tables says which table is missing, unless that is allowed, or which of its columns is not of the type that it has to be.
func (s *Store) tables(ctx context.Context, q querier, missing bool) error {
	for _, name := range slices.Sorted(maps.Keys(s.engine.types)) {
		table, types := s.dialect.named(name), s.engine.types[name]
		columns, err := s.engine.columns(ctx, q, table)
		if err != nil {
			return err
		}
		if len(columns) == 0 && missing {
			continue
		}
		if len(columns) == 0 {
			return fmt.Errorf("there is no table %s; run Migrate", table)
		}
		for _, column := range slices.Sorted(maps.Keys(types)) {
			if columns[column] != types[column] {
				return fmt.Errorf("column %s.%s has type %q; it has to be %s. If the table is not of hallpass, set a TablePrefix; otherwise run Migrate on a fresh schema",
					table, column, columns[column], types[column])
			}
		}
	}
	return nil
}

// typesOf returns the types of the columns of all tables: those of IDs and names, of long texts, of numbers and of digests.
func typesOf(short, long, number, digest string) map[string]map[string]string {
	return map[string]map[string]string{
		"hallpass_schema": {"version": number},
		"hallpass_tokens": {
			"id": short, "name": short, "workspace": short, "project": short, "repository": short, "scope": long, "created_by": short,
			"created_at": number, "revoked_at": number, "replaces": short, "replaced_by": short, "extra": long,
			"verifier": digest, "seal": digest, "key_id": number, "format": number,
		},
		"hallpass_uses": {"id": short, "used_at": number},
	}
}
