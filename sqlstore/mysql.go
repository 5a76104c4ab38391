package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// mysql is the engine of MySQL and MariaDB. Texts are VARBINARY, for their _bin collations still take 'a' and 'a ' for one. Errors are
// known by their number, with which the driver begins their texts.
func mysql() engine {
	return engine{
		name:   "mysql",
		types:  typesOf("varbinary(128)", "blob", "bigint", "varbinary(32)"),
		binary: true,
		// With a binary log, a commit that is not in it is rolled back after a crash. At 3, MariaDB writes as often as at 1.
		durably: `@@innodb_flush_log_at_trx_commit IN (1, 3) AND (@@log_bin = 0 OR @@sync_binlog = 1)`,
		// Without autocommit nothing is ever committed, and what is read stays that of the first read. An administrator may write to
		// a read-only server, and what is written there may not reach the one that is not.
		soundly: `@@autocommit = 1 AND ` + mysqlWritable + ` AND ` + mysqlVerbatim,
		sound:   `@@autocommit`,
		force:   `FORCE INDEX`,
		locking: ` FOR UPDATE`,
		later:   `ON DUPLICATE KEY UPDATE used_at = GREATEST(used_at, VALUES(used_at))`,
		taken:   func(err error) bool { return mysqlNumber(err) == 1062 }, // ER_DUP_ENTRY
		busy: func(err error) bool {
			number := mysqlNumber(err)
			return number == 1213 || number == 1020 // ER_LOCK_DEADLOCK, ER_CHECKREAD
		},
		write:   inTransaction,
		migrate: mysqlMigrate,
		fit:     mysqlFit,
		columns: mysqlColumns,
	}
}

// mysqlWritable is a number in most versions, and a word in others.
const mysqlWritable = `CONCAT(@@read_only) IN ('0', 'OFF')`

// mysqlVerbatim is false where the server converts parameters, which it does with bytes too.
const mysqlVerbatim = `@@character_set_connection IN (@@character_set_client, 'binary')`

// mysqlNumber returns the number of an error, or 0.
func mysqlNumber(err error) int {
	_, text, _ := strings.Cut(err.Error(), "Error ")
	end := strings.IndexFunc(text, func(c rune) bool { return c < '0' || c > '9' })
	number, _ := strconv.Atoi(text[:max(end, 0)])
	return number
}

// mysqlMigrate holds a lock on one connection. Each statement of a migration commits by itself, so that one that was interrupted is done
// anew.
func mysqlMigrate(ctx context.Context, db *sql.DB, work func(querier) error) error {
	return onConnection(ctx, db, func(conn *sql.Conn) error {
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK('hallpass migrate', 60)`).Scan(&got); err != nil {
			return err
		}
		if got.Int64 != 1 {
			return errors.New("another replica has been migrating for a minute; try again when it is done")
		}
		err := work(conn)
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), `DO RELEASE_LOCK('hallpass migrate')`); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the lock ends with its connection
		}
		return err
	})
}

func mysqlFit(ctx context.Context, q querier, lossy bool) error {
	var autocommit, writable, verbatim, logs bool
	var flush, sync int
	err := q.QueryRowContext(ctx, `SELECT @@autocommit, `+mysqlWritable+`, `+mysqlVerbatim+`, @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog`).
		Scan(&autocommit, &writable, &verbatim, &flush, &logs, &sync)
	const remedy = "so a crash can lose a revocation; set it to 1, or use AllowLossyRevocation"
	switch {
	case err != nil:
		return err
	case !autocommit:
		return errPast
	case !writable:
		return errors.New("the server is read-only, so what it reads may be of the past; connect to the primary")
	case !verbatim:
		return errors.New("the server converts what it is sent from character_set_client to another character_set_connection; set both to the same, as SET NAMES does")
	case flush != 1 && flush != 3 && !lossy:
		return fmt.Errorf("innodb_flush_log_at_trx_commit is %d, %s", flush, remedy)
	case logs && sync != 1 && !lossy:
		return fmt.Errorf("there is a binary log and sync_binlog is %d, %s", sync, remedy)
	}
	return nil
}

func mysqlColumns(ctx context.Context, q querier, table string) (map[string]string, error) {
	return columnsOf(ctx, q, `SELECT c.column_name, CONCAT(IF(t.engine = 'InnoDB', '', CONCAT(t.engine, ' ')),
		IF(c.data_type = 'varbinary', c.column_type, c.data_type))
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = DATABASE() AND c.table_name = ?`, table)
}
