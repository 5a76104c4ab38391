package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// An engine is all that differs between databases.
type engine struct {
	name string

	// types are the types of the columns of each table, as columns returns them.
	types map[string]map[string]string

	// numbered: parameters are $1, $2, ... with a type, not ?.
	numbered bool

	// binary: texts go in and come out as bytes, so that no character set gets hold of them.
	binary bool

	// embedded: a statement costs no round trip, and writers exclude each other.
	embedded bool

	// durably is the condition of a write that a crash of the machine must not undo, and soundly of every write. They are part of the
	// statement itself, so that they hold on the connection and at the time that it runs.
	durably, soundly string

	// sound is a column of every row that is read, 1 where what is read is of the present. It is "" where it always is.
	sound string

	// force is how a statement names the index that it goes by, where the server may take another way through it that begins at its
	// first row for every page. It is "" where no server does.
	force string

	// locking makes a SELECT in the host's transaction read what is committed now, and keep it so.
	locking string

	// later is how the statement that notes uses ends, so that a later time stays.
	later string

	// taken reports whether err says that a primary key is in use.
	taken func(err error) bool

	// busy reports whether err says that somebody else is writing, that nothing was done, and that it is worth trying again.
	busy func(err error) bool

	// forgotten reports whether err says that a prepared statement is not there, or is there already, so that nothing was done. It is nil
	// where no pooler does that.
	forgotten func(err error) bool

	// write does work in a transaction that is durable, unless lossy is set.
	write func(ctx context.Context, db *sql.DB, lossy bool, work func(querier) error) error

	// migrate does work while nobody else migrates, in a transaction if the database can do that.
	migrate func(ctx context.Context, db *sql.DB, work func(querier) error) error

	// fit says why the database, or this connection to it, is not fit to keep tokens, and what to set.
	fit func(ctx context.Context, q querier, lossy bool) error

	// fitTx says why the host's transaction would not be durable, where a statement in it cannot see to that.
	fitTx func(ctx context.Context, q querier) error

	// columns returns the type of each column of a table, none if there is no such table.
	columns func(ctx context.Context, q querier, table string) (map[string]string, error)
}

// A querier is a *sql.DB, a *sql.Conn or a *sql.Tx.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// text returns s as the parameter that the column of a text takes.
func (e *engine) text(s string) any {
	if e.binary {
		return []byte(s)
	}
	return s
}

// onConnection does work on one connection of the pool. A panic of the driver may leave a transaction open there, on which later calls
// would read what is past, and database/sql then may wait for ever to take the connection back. So it is closed behind its back.
func onConnection(ctx context.Context, db *sql.DB, work func(*sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if returned {
			_ = conn.Close()
			return
		}
		_ = conn.Raw(func(c any) error { return c.(driver.Conn).Close() })
	}()
	err = work(conn)
	returned = true
	return err
}

// inTransaction does work in a transaction of database/sql. Whether that is durable the statements see to.
func inTransaction(ctx context.Context, db *sql.DB, _ bool, work func(querier) error) error {
	return onConnection(ctx, db, func(conn *sql.Conn) error {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := work(tx); err != nil {
			_ = tx.Rollback() // what could not be rolled back is not committed either
			return err
		}
		return tx.Commit()
	})
}

// columnsOf reads what engine.columns returns.
func columnsOf(ctx context.Context, q querier, query, table string) (map[string]string, error) {
	columns := make(map[string]string)
	err := each(ctx, q, query, []any{table}, func(row scanner) error {
		var name, kind string
		err := row.Scan(&name, &kind)
		columns[name] = kind
		return err
	})
	return columns, err
}

// scanner is a *sql.Row or a *sql.Rows.
type scanner interface{ Scan(...any) error }

// each calls f with each row of a query.
func each(ctx context.Context, q querier, query string, args []any, f func(scanner) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}
