package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// A statement is what a database was told on one of its connections.
type statement struct {
	conn int
	text string
	args []any
}

// A spy notes all that goes through a *sql.DB to its driver.
type spy struct {
	driver.Connector
	mu         sync.Mutex
	conns      int
	statements []statement
}

// spied opens a database through a spy, for as long as the test runs.
func spied(t testing.TB, file, options string) (*sql.DB, *spy) {
	t.Helper()
	connector, err := sqlite.NewConnector(uri(file, options))
	require.NoError(t, err)
	s := &spy{Connector: connector}
	db := sql.OpenDB(s)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, s
}

// take returns what was noted since the last take.
func (s *spy) take() []statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	statements := s.statements
	s.statements = nil
	return statements
}

// texts returns the texts of what was noted since the last take.
func (s *spy) texts() (texts []string) {
	for _, st := range s.take() {
		texts = append(texts, st.text)
	}
	return texts
}

func (s *spy) note(conn int, text string, args []driver.NamedValue) {
	st := statement{conn: conn, text: strings.Join(strings.Fields(text), " ")}
	for _, a := range args {
		if b, ok := a.Value.([]byte); ok {
			a.Value = slices.Clone(b)
		}
		st.args = append(st.args, a.Value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statements = append(s.statements, st)
}

func (s *spy) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return &spyConn{c.(conn), s, s.conns}, nil
}

// A conn is all that the driver's connections can do.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type spyConn struct {
	conn
	spy    *spy
	number int
}

func (c *spyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.spy.note(c.number, "BeginTx", nil)
	tx, err := c.conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return spyTx{tx, c}, nil
}

func (c *spyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.spy.note(c.number, query, args)
	return c.conn.ExecContext(ctx, query, args)
}

func (c *spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.spy.note(c.number, query, args)
	return c.conn.QueryContext(ctx, query, args)
}

func (c *spyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &spyStmt{stmt.(preparedStmt), c, query}, nil
}

type spyTx struct {
	driver.Tx
	c *spyConn
}

func (t spyTx) Commit() error {
	t.c.spy.note(t.c.number, "Commit", nil)
	return t.Tx.Commit()
}

func (t spyTx) Rollback() error {
	t.c.spy.note(t.c.number, "Rollback", nil)
	return t.Tx.Rollback()
}

// A preparedStmt is all that the driver's statements can do.
type preparedStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type spyStmt struct {
	preparedStmt
	c    *spyConn
	text string
}

func (s *spyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.c.spy.note(s.c.number, s.text, args)
	return s.preparedStmt.ExecContext(ctx, args)
}

func (s *spyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.c.spy.note(s.c.number, s.text, args)
	return s.preparedStmt.QueryContext(ctx, args)
}
