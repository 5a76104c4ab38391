package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/hallpass-go/hallpass"
)

// WithTx returns a [hallpass.Store] inside the host's own transaction, for [hallpass.Authority.With]: a token is then committed
// with the row that it belongs to, or not at all. It is good until the transaction ends, and as safe for concurrent use as that is.
//
// What it reads it locks until the transaction ends, on PostgreSQL and MySQL: it is what is committed now, also in a transaction that began long ago. So keep
// such a transaction short. On PostgreSQL and MySQL what is written makes the transaction as durable as any other; on SQLite the durability
// is that of the host's connection. If that is not enough, Write says what to set.
//
// It waits no longer than the database does: a deadlock, or a database that is busy, is an error, and the host starts its transaction again.
// On SQLite, let it begin as a writer (BEGIN IMMEDIATE, which some drivers have as _txlock=immediate), or one that has read first
// may not write any more.
func (s *Store) WithTx(tx *sql.Tx) hallpass.Store { return &txStore{s, tx} }

type txStore struct {
	s  *Store
	tx *sql.Tx
}

func (t *txStore) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	e := &t.s.engine
	r, err := e.scan(t.tx.QueryRowContext(ctx, t.s.sql.get+e.locking, e.text(string(id))), true)
	return r, notFound(explained(ctx, err))
}

// Write makes its changes under a savepoint, so that those of a write that fails do not stay in the host's transaction.
func (t *txStore) Write(ctx context.Context, changes ...hallpass.Change) error {
	if err := check(changes); err != nil {
		return err
	}
	if t.s.engine.fitTx != nil && !t.s.dialect.lossy() {
		if err := t.s.engine.fitTx(ctx, t.tx); err != nil {
			return err
		}
	}
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT hallpass"); err != nil {
		return explained(ctx, err)
	}
	if err := t.s.apply(ctx, t.tx, changes); err != nil {
		if _, undone := t.tx.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT hallpass"); undone != nil {
			// A deadlock, for one, ends the whole transaction.
			return fmt.Errorf("sqlstore: roll the transaction back, it cannot go on: %w", errors.Join(undone, err))
		}
		return explained(ctx, err)
	}
	_, err := t.tx.ExecContext(ctx, "RELEASE SAVEPOINT hallpass")
	return explained(ctx, err)
}

func (t *txStore) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return list(q, func(q hallpass.Query, limit int) ([]*hallpass.Record, error) {
		page, err := t.s.page(ctx, t.tx, t.s.engine.locking, q, limit)
		return page, explained(ctx, err)
	})
}
