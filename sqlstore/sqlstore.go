// Package sqlstore keeps tokens in an SQL database, through database/sql. It imports no driver: the host opens the database,
// names its [Dialect], and runs [Store.Migrate] once.
//
//	db, err := sql.Open("sqlite", "tokens.db")
//	store, err := sqlstore.New(db, sqlstore.SQLite)
//	err = store.Migrate(ctx)
//	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys})
//
// A check is one indexed read of one row, and writes nothing. A write is acknowledged only when it will outlive a crash of the
// machine; a database that is not set up for that is refused, unless the host says [Dialect.AllowLossyRevocation].
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/hallpass-go/hallpass"
)

// A Store is a [hallpass.Store] and a [hallpass.UseStore] in an SQL database. It is made by [New] and safe for concurrent
// use, also by several processes on one database. One connection in the pool is enough.
type Store struct {
	db      *sql.DB
	dialect Dialect
	engine  engine
	sql     statements
	get     atomic.Pointer[sql.Stmt] // prepared when it is first needed; closed with db
}

// New returns a Store in db, without any I/O. The tables are made by [Store.Migrate], or from [Schema] or
// [Migrations] by the host's own tool. The error wraps [hallpass.ErrInvalid] if db is nil or the dialect unknown.
func New(db *sql.DB, d Dialect) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: sqlstore.New without a database; give it an open *sql.DB", hallpass.ErrInvalid)
	}
	e := d.engine()
	if e == nil {
		return nil, fmt.Errorf("%w: sqlstore.New with an unknown dialect; give it sqlstore.SQLite", hallpass.ErrInvalid)
	}
	return &Store{db: db, dialect: d, engine: e, sql: statementsOf(e)}, nil
}

// Get returns the record with this ID, or [hallpass.ErrNotFound].
func (s *Store) Get(ctx context.Context, id hallpass.ID) (r *hallpass.Record, err error) {
	get := s.get.Load()
	if get == nil {
		if get, err = s.prepare(ctx); err != nil {
			return nil, err
		}
	}
	r, err = scan(get.QueryRowContext(ctx, string(id)))
	if err != nil && s.engine.busy(err) {
		err = s.retry(ctx, func() error {
			r, err = scan(get.QueryRowContext(ctx, string(id)))
			return err
		})
	}
	return r, notFound(err)
}

func (s *Store) prepare(ctx context.Context) (get *sql.Stmt, err error) {
	err = s.retry(ctx, func() error {
		get, err = s.db.PrepareContext(ctx, s.sql.get)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !s.get.CompareAndSwap(nil, get) {
		_ = get.Close() // another goroutine was first
	}
	return s.get.Load(), nil
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return hallpass.ErrNotFound
	}
	return err
}

// Write makes all changes or none. Its errors are those of [hallpass.Store]; any other means that the outcome is unknown.
func (s *Store) Write(ctx context.Context, changes ...hallpass.Change) error {
	if err := hallpass.CheckChanges(changes); err != nil {
		return err
	}
	return s.retry(ctx, func() error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if s.dialect&lossy == 0 {
			undo, err := s.engine.durable(ctx, conn)
			if err != nil {
				return err
			}
			defer undo()
		}
		return s.engine.atomically(ctx, conn, func() error { return s.apply(ctx, conn, changes) })
	})
}

// apply makes the changes through q, up to the first that fails.
func (s *Store) apply(ctx context.Context, q querier, changes []hallpass.Change) error {
	for _, c := range changes {
		change := s.replace
		if c.Old == nil {
			change = s.create
		}
		if err := change(ctx, q, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) create(ctx context.Context, q querier, c hallpass.Change) error {
	r, t := c.New, &c.New.Token
	project := t.Resource.Identity().Project()
	_, err := q.ExecContext(ctx, s.sql.create, string(t.ID), t.Name, t.Resource.Workspace(), project, t.Resource.Repository(),
		r.ScopeText, t.CreatedBy, micros(t.CreatedAt), micros(t.RevokedAt), string(t.Replaces), string(t.ReplacedBy), r.Extra,
		r.Verifier[:], r.Seal[:], int64(r.KeyID), int64(r.Format))
	if err != nil && s.engine.taken(err) {
		return hallpass.ErrExists
	}
	return err
}

func (s *Store) replace(ctx context.Context, q querier, c hallpass.Change) error {
	r, t := c.New, &c.New.Token
	statement := s.sql.replace
	if c.Old.Seal == [32]byte{} {
		statement = s.sql.replaceUnreadable
	}
	result, err := q.ExecContext(ctx, statement, micros(t.RevokedAt), string(t.ReplacedBy), r.Extra, r.Verifier[:], r.Seal[:],
		int64(r.KeyID), int64(r.Format), string(t.ID), c.Old.Seal[:])
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	// Some databases count only rows that came out different.
	var stored digest
	if err := q.QueryRowContext(ctx, s.sql.seal, string(t.ID)).Scan(&stored); err != nil {
		return notFound(err)
	}
	if stored.v != c.Old.Seal || stored.v != r.Seal {
		return hallpass.ErrConflict
	}
	return nil
}

// pageSize is how many rows List reads before it yields any, so that it holds no connection while it yields.
const pageSize = 500

// List yields what q matches, in the order of IDs.
func (s *Store) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return s.list(ctx, s.db, q)
}

func (s *Store) list(ctx context.Context, db querier, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return func(yield func(*hallpass.Record, error) bool) {
		q, n, limit := q, 0, pageSize
		if q.Limit > 0 {
			limit = min(limit, q.Limit)
		}
		for {
			var page []*hallpass.Record
			err := s.retry(ctx, func() (err error) {
				page, err = s.page(ctx, db, q, limit)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page {
				if q.Matches(r) {
					if n++; !yield(r, nil) || n == q.Limit {
						return
					}
				}
			}
			if len(page) < limit {
				return
			}
			last := page[len(page)-1].Token.ID
			if last <= q.After {
				yield(nil, errOrder)
				return
			}
			q.After = last
		}
	}
}

// errOrder is of IDs that are not texts, which a database sorts in another way. Without it, such rows could make a list endless.
var errOrder = errors.New("sqlstore: the IDs of the table are not sorted as texts; somebody changed their type")

// page reads some rows that q may match.
func (s *Store) page(ctx context.Context, db querier, q hallpass.Query, limit int) (page []*hallpass.Record, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := q.Within.Identity()
	statement, args := s.sql.listResource, []any{w.Workspace(), w.Project(), w.Repository()}
	switch {
	case q.All:
		statement, args = s.sql.listAll, nil
	case w.Kind() == 0:
		return nil, nil
	case w.Kind() == hallpass.WorkspaceKind && !q.Only:
		statement, args = s.sql.listWorkspace, []any{w.Workspace()}
	}
	rows, err := db.QueryContext(ctx, statement, append(args, string(q.After), limit)...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		page = append(page, r)
	}
	return page, errors.Join(rows.Err(), rows.Close())
}

// patience is how long a call waits for others to finish writing, if its context lets it.
const patience = 5 * time.Second

// retry calls f until it is not busy.
func (s *Store) retry(ctx context.Context, f func() error) error { return retry(ctx, s.engine.busy, f) }

func retry(ctx context.Context, busy func(error) bool, f func() error) error {
	err := f()
	if err == nil || !busy(err) {
		return err
	}
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(wait):
		}
		if err = f(); err == nil || !busy(err) || time.Now().After(deadline) {
			return err
		}
	}
}

// micros is how a time is stored: microseconds since 1970, and 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the inverse of micros.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
