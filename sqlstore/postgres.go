package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// postgres is the engine of PostgreSQL. Texts are BYTEA, which no encoding, collation or padding gets hold of, and errors are known by
// their SQLSTATE, which is the same in every language of the server.
func postgres() engine {
	return engine{
		name:     "postgres",
		types:    typesOf("bytea", "bytea", "bigint", "bytea"),
		numbered: true,
		binary:   true,
		// A commit that need not wait for the disk is made to. Another level is the host's choice, for it waits for this server at least.
		durably: `current_setting('fsync') = 'on' AND set_config('synchronous_commit',
			CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true) <> 'off'`,
		locking: ` FOR UPDATE`,
		later:   `ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at > hallpass_uses.used_at`,
		taken:   func(err error) bool { return sqlState(err) == "23505" }, // unique_violation
		busy: func(err error) bool {
			state := sqlState(err)
			return state == "40001" || state == "40P01" // serialization_failure, deadlock_detected
		},
		forgotten: func(err error) bool {
			state := sqlState(err)
			return state == "26000" || state == "42P05" // invalid_sql_statement_name, duplicate_prepared_statement
		},
		write:   inTransaction,
		migrate: postgresMigrate,
		fit:     postgresFit,
		columns: postgresColumns,
	}
}

// sqlState returns the SQLSTATE of an error, which pgx and lib/pq tell in the same way, or "".
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) {
		return ""
	}
	return e.SQLState()
}

// migrating is the number of the lock under which tables are made, "hallpass" in ASCII.
const migrating = 0x68616c6c70617373

// The lock is one of the transaction, for one of the session would not pass through a pooler of connections.
func postgresMigrate(ctx context.Context, db *sql.DB, work func(querier) error) error {
	return inTransaction(ctx, db, false, func(q querier) error {
		if _, err := q.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint)`, int64(migrating)); err != nil {
			return err
		}
		return work(q)
	})
}

func postgresFit(ctx context.Context, q querier, lossy bool) error {
	var recovering bool
	var readOnly, fsync string
	err := q.QueryRowContext(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), current_setting('fsync')`).
		Scan(&recovering, &readOnly, &fsync)
	switch {
	case err != nil:
		return err
	case recovering:
		return errors.New("the server is a standby, which is read-only and may tell of the past; connect to the primary")
	case readOnly == "on":
		return errors.New("the session is read-only; set default_transaction_read_only = off, and connect to the primary")
	case fsync != "on" && !lossy:
		return errors.New("with fsync = off a crash can lose a revocation; set it to on, or use AllowLossyRevocation")
	}
	return nil
}

func postgresColumns(ctx context.Context, q querier, table string) (map[string]string, error) {
	return columnsOf(ctx, q, `SELECT attname::text, CASE relpersistence WHEN 'p' THEN '' ELSE 'unlogged ' END || format_type(atttypid, atttypmod)
		FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class ON pg_class.oid = attrelid
		WHERE attrelid = to_regclass($1::text) AND attnum > 0 AND NOT attisdropped`, table)
}
