package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
)

// sqlite is the engine of SQLite. It knows errors by their texts, which come from SQLite itself and so are the same
// with every driver.
func sqlite() engine {
	return engine{
		name:     "sqlite",
		types:    typesOf("TEXT", "TEXT", "INTEGER", "BLOB"),
		embedded: true,
		later:    `ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at > used_at`,
		taken:    func(err error) bool { return strings.Contains(err.Error(), "UNIQUE constraint failed") },
		busy:     sqliteBusy,
		write:    sqliteWrite,
		migrate: func(ctx context.Context, db *sql.DB, work func(querier) error) error {
			return sqliteWrite(ctx, db, true, work)
		},
		fit: func(ctx context.Context, q querier, lossy bool) error {
			if lossy {
				return nil
			}
			_, err := sqliteSettings(ctx, q)
			return err
		},
		fitTx:   sqliteFitTx,
		columns: sqliteColumns,
	}
}

func sqliteBusy(err error) bool {
	return strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "database table is locked")
}

// What PRAGMA synchronous says. From full on, a commit waits for the disk; extra also has the directory written after a
// rollback journal is deleted, without which that journal may come back and undo the commit.
const (
	synchronousFull  = 2
	synchronousExtra = 3
)

// sqliteSettings returns what the database promises of a crash. These are the pragmas that cost least, for each write asks them.
func sqliteSettings(ctx context.Context, q querier) (synchronous int, err error) {
	var journal string
	if err := q.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return 0, err
	}
	if journal == "off" || journal == "memory" {
		file, err := sqliteFile(ctx, q)
		if err == nil && file != "" {
			err = fmt.Errorf("with PRAGMA journal_mode = %s a crash can lose a revocation; set it to WAL or DELETE, or use AllowLossyRevocation", journal)
		}
		return synchronous, err
	}
	return synchronous, nil
}

// sqliteFile returns the file of the database, "" if it lives in memory.
func sqliteFile(ctx context.Context, q querier) (file string, err error) {
	err = q.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file)
	return file, err
}

// sqliteFitTx looks at the connection of the host's transaction, within which nothing can be set.
func sqliteFitTx(ctx context.Context, q querier) error {
	synchronous, err := sqliteSettings(ctx, q)
	if err != nil || synchronous >= synchronousFull {
		return err
	}
	file, err := sqliteFile(ctx, q)
	if err == nil && file != "" {
		err = fmt.Errorf("with PRAGMA synchronous = %d a crash can lose a revocation; set it to FULL or EXTRA before the transaction, or use AllowLossyRevocation", synchronous)
	}
	return err
}

// sqliteWrite does not use sql.Tx: a COMMIT that fails because the database is busy would leave that one's connection in the pool
// with its transaction open. Such a COMMIT is tried again, not the whole: it holds a lock that keeps further readers out, without which
// readers that never stop would starve every write of a database without WAL.
func sqliteWrite(ctx context.Context, db *sql.DB, lossy bool, work func(querier) error) error {
	return onConnection(ctx, db, func(conn *sql.Conn) error {
		if !lossy {
			undo, err := sqliteDurable(ctx, conn)
			if err != nil {
				return err
			}
			defer undo()
		}
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		returned := false
		defer func() {
			// After a panic nobody may wait for the connection, and it is not closed as long as something is prepared on it.
			if !returned {
				_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			}
		}()
		err := work(conn)
		if err == nil {
			err = retry(ctx, sqliteBusy, func() error {
				_, err := conn.ExecContext(ctx, "COMMIT")
				return err
			})
		}
		returned = true
		if err != nil {
			sqliteRollback(context.WithoutCancel(ctx), conn)
		}
		return err
	})
}

// sqliteDurable sees to it that what conn commits from now on outlives a crash of the machine, or says why it would not. The
// returned func takes back what it changed.
func sqliteDurable(ctx context.Context, conn *sql.Conn) (undo func(), err error) {
	before, err := sqliteSettings(ctx, conn)
	if err != nil {
		return nil, err
	}
	if before >= synchronousExtra {
		return func() {}, nil
	}
	set := func(ctx context.Context, level int) error {
		_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA synchronous = %d", level))
		return err
	}
	if err := set(ctx, synchronousExtra); err != nil {
		return nil, err
	}
	// A connection that does not take it back is only the safer for it.
	return func() { _ = set(context.WithoutCancel(ctx), before) }, nil
}

// sqliteRollback ends a transaction that failed. A connection on which that fails too is thrown away.
func sqliteRollback(ctx context.Context, conn *sql.Conn) {
	_, err := conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}

func sqliteColumns(ctx context.Context, q querier, table string) (map[string]string, error) {
	return columnsOf(ctx, q, "SELECT name, type FROM pragma_table_info(?)", table)
}
