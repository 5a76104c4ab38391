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
//
// The *sql.DB has to reach the server that is written to. A replica tells of the past: a token that was just revoked may be live there.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hallpass-go/hallpass"
)

// A Store is a [hallpass.Store] and a [hallpass.UseStore] in an SQL database. It is made by [New] and safe for concurrent
// use, also by several processes on one database. One connection in the pool is enough.
type Store struct {
	db      *sql.DB
	dialect Dialect
	engine  engine
	sql     statements

	get, create, replace prepared // closed with db

	// pooled is set once the database has forgotten a prepared statement: a pooler gives each transaction another connection.
	pooled atomic.Bool
}

// New returns a Store in db, without any I/O. The tables are made by [Store.Migrate], or from [Schema] or
// [Migrations] by the host's own tool. The error wraps [hallpass.ErrInvalid] if db is nil, the dialect unknown or its table
// prefix bad.
func New(db *sql.DB, d Dialect) (*Store, error) {
	if db == nil {
		return nil, fmt.Errorf("%w: sqlstore.New without a database; give it an open *sql.DB", hallpass.ErrInvalid)
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: d, engine: d.engine(), sql: statementsOf(d)}
	s.get.text, s.create.text, s.replace.text = s.sql.get, s.sql.create, s.sql.replace
	return s, nil
}

// Get returns the record with this ID, or [hallpass.ErrNotFound].
func (s *Store) Get(ctx context.Context, id hallpass.ID) (r *hallpass.Record, err error) {
	err = s.retry(ctx, func() error {
		get, err := s.prepare(ctx, s.db, &s.get)
		if err != nil {
			return err
		}
		arg := s.engine.text(string(id))
		if get == nil {
			r, err = s.engine.scan(s.db.QueryRowContext(ctx, s.unprepared(&s.get), arg), true)
		} else {
			r, err = s.engine.scan(get.QueryRowContext(ctx, arg), true)
		}
		return err
	})
	return r, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return hallpass.ErrNotFound
	}
	return err
}

// A prepared statement is prepared when it is first needed.
type prepared struct {
	text string
	stmt atomic.Pointer[sql.Stmt]
}

// prepare returns p as a prepared statement, or nil where none stays prepared or q is not the pool.
func (s *Store) prepare(ctx context.Context, q querier, p *prepared) (*sql.Stmt, error) {
	if q != s.db || s.pooled.Load() {
		return nil, nil
	}
	if stmt := p.stmt.Load(); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.db.PrepareContext(ctx, p.text)
	if err != nil {
		return nil, err
	}
	if !p.stmt.CompareAndSwap(nil, stmt) {
		_ = stmt.Close() // another goroutine was first
	}
	return p.stmt.Load(), nil
}

// unprepared returns the text of p. Behind a pooler it is another text than the prepared one, for which pgx would take it on a connection that
// has prepared that.
func (s *Store) unprepared(p *prepared) string {
	if s.pooled.Load() {
		return p.text + " "
	}
	return p.text
}

// exec executes p.
func (s *Store) exec(ctx context.Context, q querier, p *prepared, args ...any) (sql.Result, error) {
	stmt, err := s.prepare(ctx, q, p)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return q.ExecContext(ctx, s.unprepared(p), args...)
	}
	return stmt.ExecContext(ctx, args...)
}
