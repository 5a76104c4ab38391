package sqlstore

import (
	"context"
	"database/sql"
	"iter"

	"github.com/hallpass-go/hallpass"
)

// WithTx returns a [hallpass.Store] inside the host's own transaction, for [hallpass.Authority.With]: a token is then committed
// with the row that it belongs to, or not at all. It is good until the transaction ends, and as safe for concurrent use as that is.
// The durability of what it writes is that of the host's connection; if that is not enough, Write says what to set.
//
// It waits for nobody: where the database is busy, that is an error, and the host starts its transaction again. On SQLite, let it begin as a
// writer (BEGIN IMMEDIATE, which some drivers have as _txlock=immediate), or one that has read first may not write any more.
func (s *Store) WithTx(tx *sql.Tx) hallpass.Store { return &txStore{s, tx} }

type txStore struct {
	s  *Store
	tx *sql.Tx
}

func (t *txStore) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	r, err := scan(t.tx.QueryRowContext(ctx, t.s.sql.get, string(id)))
	return r, notFound(err)
}

// Write makes its changes under a savepoint, so that those of a write that fails do not stay in the host's transaction.
func (t *txStore) Write(ctx context.Context, changes ...hallpass.Change) error {
	if err := hallpass.CheckChanges(changes); err != nil {
		return err
	}
	if t.s.dialect&lossy == 0 {
		if err := t.s.engine.isDurable(ctx, t.tx); err != nil {
			return err
		}
	}
	if _, err := t.tx.ExecContext(ctx, "SAVEPOINT hallpass"); err != nil {
		return err
	}
	if err := t.s.apply(ctx, t.tx, changes); err != nil {
		if _, undone := t.tx.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT hallpass"); undone != nil {
			return undone
		}
		return err
	}
	_, err := t.tx.ExecContext(ctx, "RELEASE SAVEPOINT hallpass")
	return err
}

func (t *txStore) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return t.s.list(ctx, t.tx, q)
}
