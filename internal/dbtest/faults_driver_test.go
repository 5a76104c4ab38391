package dbtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A kind is a way in which a call of the database goes wrong.
type kind string

const (
	fails    kind = "fails"           // it is not done, and the connection lives on
	dropped  kind = "is dropped"      // it is not done, and the connection is gone, which the driver knows
	lost     kind = "loses its reply" // it is done, and the connection is gone before that is known: of a commit, the worst that can be
	panics   kind = "panics"          // the driver has a bug
	hangs    kind = "hangs"           // it is not done before the context ends
	outage   kind = "begins an outage"
	cutShort kind = "is cut short" // rows end early without an error: the driver lies
)

var kinds = []kind{fails, dropped, lost, panics, hangs, outage}

var errFault = errors.New("a fault was injected")

// A faulty is a driver whose call number at goes wrong. Calls are to connect, begin, exec, query, prepare, read a row, commit and roll back.
type faulty struct {
	driver.Connector
	kind kind

	mu     sync.Mutex
	at     int    // 0: never
	calls  int    // so far
	hit    string // the call that went wrong
	conns  []io.Closer
	cancel func() // ends the context of the operation, when it hangs
}

// faultyDB opens a database of e through a driver whose call number at goes wrong.
func (e engine) faultyDB(t testing.TB, dsn string, k kind, at int) (*sql.DB, *faulty) {
	t.Helper()
	plain, err := sql.Open(e.driver, dsn)
	require.NoError(t, err)
	d := plain.Driver()
	require.NoError(t, plain.Close())
	f := &faulty{Connector: bareConnector{d, dsn}, kind: k, at: at}
	if dc, ok := d.(driver.DriverContext); ok {
		f.Connector, err = dc.OpenConnector(dsn)
		require.NoError(t, err)
	}
	db := sql.OpenDB(f)
	db.SetMaxOpenConns(2)
	t.Cleanup(func() {
		_ = db.Close()
		for _, c := range f.conns {
			_ = c.Close() // what was lost in a panic
		}
	})
	return db, f
}

type bareConnector struct {
	of  driver.Driver
	dsn string
}

func (c bareConnector) Connect(context.Context) (driver.Conn, error) { return c.of.Open(c.dsn) }
func (c bareConnector) Driver() driver.Driver                        { return c.of }

// heal ends all faults, and returns the call that went wrong, "" if none did, and how many there were.
func (f *faulty) heal() (hit string, calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = 0
	return f.hit, f.calls
}

// wrong counts a call and reports whether it goes wrong.
func (f *faulty) wrong(what string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.at == 0 || f.calls != f.at && (f.kind != outage || f.calls < f.at) {
		return false
	}
	if f.hit == "" {
		f.hit = what
	}
	return true
}

// call makes a call on c, or lets it go wrong.
func (f *faulty) call(ctx context.Context, c *faultyConn, what string, do func() error) error {
	if c != nil && c.gone {
		return driver.ErrBadConn
	}
	if !f.wrong(what) {
		return do()
	}
	ends := what == "commit" || what == "rollback" // which a server does not refuse; what fails is the way to it
	if c != nil && (f.kind == dropped || f.kind == lost || ends) {
		c.gone = true // the server sees it when the pool closes it
	}
	switch f.kind {
	case dropped:
		return driver.ErrBadConn
	case lost:
		_ = do()
	case panics:
		panic(errFault)
	case hangs:
		f.cancel()
		if ctx.Done() != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Second): // the context of something else
			}
		}
	case cutShort:
		if what == "next" {
			return io.EOF
		}
		return do()
	}
	return errFault
}

func (f *faulty) Connect(ctx context.Context) (driver.Conn, error) {
	c := &faultyConn{f: f}
	err := f.call(ctx, nil, "connect", func() error {
		inner, err := f.Connector.Connect(ctx)
		if err == nil {
			c.whole = inner.(whole)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.conns = append(f.conns, c.whole)
		}
		return err
	})
	if err != nil {
		if c.whole != nil {
			_ = c.whole.Close()
		}
		return nil, err
	}
	return c, nil
}

// A whole is what the connections of all drivers can do. What only some can is asked of each.
type whole interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type faultyConn struct {
	whole
	f    *faulty
	gone bool
}

func (c *faultyConn) CheckNamedValue(v *driver.NamedValue) error { return checkValue(c.whole, v) }

func checkValue(of any, v *driver.NamedValue) error {
	if checker, ok := of.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *faultyConn) ResetSession(ctx context.Context) error {
	if c.gone {
		return driver.ErrBadConn
	}
	if resetter, ok := c.whole.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

func (c *faultyConn) IsValid() bool {
	validator, ok := c.whole.(driver.Validator)
	return !c.gone && (!ok || validator.IsValid())
}

func (c *faultyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	t := &faultyTx{c: c, ctx: ctx}
	err := c.f.call(ctx, c, "begin", func() (err error) {
		t.Tx, err = c.whole.BeginTx(ctx, opts)
		return err
	})
	return orNil[driver.Tx](t, err)
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s := &faultyStmt{c: c}
	err := c.f.call(ctx, c, "prepare", func() (err error) {
		s.Stmt, err = c.whole.PrepareContext(ctx, query)
		return err
	})
	return orNil[driver.Stmt](s, err)
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.f.call(ctx, c, "exec", func() (err error) {
		result, err = c.whole.ExecContext(ctx, query, args)
		return err
	})
	return orNil(result, err)
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, func() (driver.Rows, error) { return c.whole.QueryContext(ctx, query, args) })
}

func (c *faultyConn) query(ctx context.Context, do func() (driver.Rows, error)) (driver.Rows, error) {
	r := &faultyRows{c: c, ctx: ctx}
	err := c.f.call(ctx, c, "query", func() (err error) {
		r.Rows, err = do()
		return err
	})
	if err != nil && r.Rows != nil {
		_ = r.Rows.Close()
	}
	return orNil[driver.Rows](r, err)
}

// orNil returns v, or nothing with an error.
func orNil[T any](v T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return v, nil
}

type faultyTx struct {
	driver.Tx
	c   *faultyConn
	ctx context.Context
}

func (t *faultyTx) Commit() error   { return t.c.f.call(t.ctx, t.c, "commit", t.Tx.Commit) }
func (t *faultyTx) Rollback() error { return t.c.f.call(t.ctx, t.c, "rollback", t.Tx.Rollback) }

type faultyStmt struct {
	driver.Stmt
	c *faultyConn
}

func (s *faultyStmt) CheckNamedValue(v *driver.NamedValue) error {
	if _, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return checkValue(s.Stmt, v)
	}
	return checkValue(s.c.whole, v)
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	err = s.c.f.call(ctx, s.c, "exec", func() (err error) {
		result, err = s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		return err
	})
	return orNil(result, err)
}

func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.query(ctx, func() (driver.Rows, error) { return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args) })
}

type faultyRows struct {
	driver.Rows
	c   *faultyConn
	ctx context.Context
}

func (r *faultyRows) Next(dest []driver.Value) error {
	return r.c.f.call(r.ctx, r.c, "next", func() error { return r.Rows.Next(dest) })
}
