package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
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

	// around, if it is set before the database is used, is called before each statement in the place of noting it, and what it returns after it.
	around func(statement) func()

	// sent is how often something was sent to a server.
	sent atomic.Int64
}

// spied opens a database of SQLite through a spy, for as long as the test runs.
func spied(t testing.TB, file, options string) (*sql.DB, *spy) {
	t.Helper()
	return sqliteEngine.spied(t, uri(file, options))
}

// spied opens a database that fresh made through a spy, for as long as the test runs.
func (e engine) spied(t testing.TB, dsn string) (*sql.DB, *spy) {
	t.Helper()
	s := &spy{}
	switch e.driver {
	case "sqlite":
		connector, err := sqlite.NewConnector(dsn)
		require.NoError(t, err)
		s.Connector = connector
	case "pgx":
		cfg, err := pgx.ParseConfig(dsn)
		require.NoError(t, err)
		cfg.DialFunc = s.dial
		// By itself, pgx pings a connection that nobody has used for a second.
		s.Connector = stdlib.GetConnector(*cfg, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	case "mysql":
		cfg, err := mysql.ParseDSN(dsn)
		require.NoError(t, err)
		cfg.DialFunc = s.dial
		s.Connector, err = mysql.NewConnector(cfg)
		require.NoError(t, err)
	default:
		t.Fatalf("no spy knows the driver %q", e.driver)
	}
	db := sql.OpenDB(s)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, s
}

// dial connects to a server through a connection that counts what is sent.
func (s *spy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countedConn{c, &s.sent}, nil
}

type countedConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.sent.Add(1)
	return c.Conn.Write(b)
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

// note notes what is about to be said, and returns what to call when it is done.
func (s *spy) note(conn int, text string, args []driver.NamedValue) (done func()) {
	st := statement{conn: conn, text: strings.Join(strings.Fields(text), " ")}
	for _, a := range args {
		if b, ok := a.Value.([]byte); ok {
			a.Value = slices.Clone(b)
		}
		st.args = append(st.args, a.Value)
	}
	if s.around != nil {
		return s.around(st)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statements = append(s.statements, st)
	return func() {}
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
}

type spyConn struct {
	conn
	spy    *spy
	number int
}

// IsValid and CheckNamedValue are not in every driver.
func (c *spyConn) IsValid() bool {
	v, ok := c.conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *spyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *spyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	defer c.spy.note(c.number, "BeginTx", nil)()
	tx, err := c.conn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return spyTx{tx, c}, nil
}

func (c *spyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	defer c.spy.note(c.number, query, args)()
	return c.conn.ExecContext(ctx, query, args)
}

func (c *spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	defer c.spy.note(c.number, query, args)()
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
	defer t.c.spy.note(t.c.number, "Commit", nil)()
	return t.Tx.Commit()
}

func (t spyTx) Rollback() error {
	defer t.c.spy.note(t.c.number, "Rollback", nil)()
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
	defer s.c.spy.note(s.c.number, s.text, args)()
	return s.preparedStmt.ExecContext(ctx, args)
}

func (s *spyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	defer s.c.spy.note(s.c.number, s.text, args)()
	return s.preparedStmt.QueryContext(ctx, args)
}
