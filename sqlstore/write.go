package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// Write makes all changes or none. Its errors are those of [hallpass.Store]; any other means that the outcome is unknown.
func (s *Store) Write(ctx context.Context, changes ...hallpass.Change) error {
	if err := check(changes); err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		// A single statement is a transaction of its own, in one round trip.
		if len(changes) == 1 && !s.engine.embedded {
			return s.apply(ctx, s.db, changes)
		}
		return s.engine.write(ctx, s.db, s.dialect.lossy(), func(q querier) error { return s.apply(ctx, q, changes) })
	})
}

// The most bytes of a text that every engine keeps, so that none is cut, whatever a server does with what is too long.
const (
	maxShort = 128
	maxLong  = 1<<16 - 1
)

// check says what is wrong with changes, whatever the database holds.
func check(changes []hallpass.Change) error {
	if err := hallpass.CheckChanges(changes); err != nil {
		return err
	}
	for _, c := range changes {
		r, t := c.New, &c.New.Token
		for _, text := range [...]string{string(t.ID), t.Name, t.Resource.Workspace(), t.Resource.Project(), t.Resource.Repository(), t.CreatedBy,
			string(t.Replaces), string(t.ReplacedBy)} {
			if len(text) > maxShort {
				return fmt.Errorf("%w: a text of %d bytes; IDs, names and creators have at most %d", hallpass.ErrInvalid, len(text), maxShort)
			}
		}
		if n := max(len(r.ScopeText), len(r.Extra)); n > maxLong {
			return fmt.Errorf("%w: a text of %d bytes; ScopeText and Extra have at most %d", hallpass.ErrInvalid, n, maxLong)
		}
	}
	return nil
}

// apply makes the changes through q, up to the first that fails. It goes by the order of IDs, so that of writers of the same records none
// waits for one that waits for it.
func (s *Store) apply(ctx context.Context, q querier, changes []hallpass.Change) error {
	if len(changes) > 2 && !s.engine.embedded && !s.pooled.Load() {
		b := &batch{querier: q, stmts: make(map[string]*sql.Stmt)}
		defer b.close()
		q = b
	}
	byID := func(a, b hallpass.Change) int { return cmp.Compare(a.New.Token.ID, b.New.Token.ID) }
	for _, c := range slices.SortedFunc(slices.Values(changes), byID) {
		change := s.update
		if c.Old == nil {
			change = s.insert
		}
		if err := change(ctx, q, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insert(ctx context.Context, q querier, c hallpass.Change) error {
	r, t, text := c.New, &c.New.Token, s.engine.text
	result, err := s.exec(ctx, q, &s.create, text(string(t.ID)), text(t.Name), text(t.Resource.Workspace()),
		text(t.Resource.Identity().Project()), text(t.Resource.Repository()), text(r.ScopeText), text(t.CreatedBy), micros(t.CreatedAt),
		micros(t.RevokedAt), text(string(t.Replaces)), text(string(t.ReplacedBy)), text(r.Extra), r.Verifier[:], r.Seal[:], int64(r.KeyID), int64(r.Format))
	if err != nil && s.engine.taken(err) {
		return hallpass.ErrExists
	}
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return s.refused(ctx, q)
}

func (s *Store) update(ctx context.Context, q querier, c hallpass.Change) error {
	r, t, text := c.New, &c.New.Token, s.engine.text
	args := []any{micros(t.RevokedAt), text(string(t.ReplacedBy)), text(r.Extra), r.Verifier[:], r.Seal[:], int64(r.KeyID), int64(r.Format),
		text(string(t.ID)), c.Old.Seal[:]}
	var result sql.Result
	var err error
	if c.Old.Seal == [32]byte{} {
		result, err = q.ExecContext(ctx, s.sql.replaceUnreadable, args...)
	} else {
		result, err = s.exec(ctx, q, &s.replace, args...)
	}
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	var stored digest
	if err := q.QueryRowContext(ctx, s.sql.seal, text(string(t.ID))).Scan(&stored); err != nil {
		return notFound(err)
	}
	if stored.v != c.Old.Seal {
		return hallpass.ErrConflict
	}
	if err := s.engine.fit(ctx, q, s.dialect.lossy()); err != nil {
		return err
	}
	// Some databases count only rows that came out different.
	if stored.v == r.Seal {
		return nil
	}
	return hallpass.ErrConflict
}

// refused says why a statement wrote nothing.
func (s *Store) refused(ctx context.Context, q querier) error {
	if err := s.engine.fit(ctx, q, s.dialect.lossy()); err != nil {
		return err
	}
	return errors.New("the settings of the server changed while it was written to; try again")
}

// A batch is a connection or a transaction on which each statement that writes is prepared once, so that each change is one round trip.
type batch struct {
	querier
	stmts map[string]*sql.Stmt
}

func (b *batch) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt := b.stmts[query]
	if stmt == nil {
		var err error
		if stmt, err = b.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		b.stmts[query] = stmt
	}
	return stmt.ExecContext(ctx, args...)
}

func (b *batch) close() {
	for _, stmt := range b.stmts {
		_ = stmt.Close()
	}
}
