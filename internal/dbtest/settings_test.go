package dbtest

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A tenant is a host on a server whose settings change.
type tenant struct {
	t     *testing.T
	db    *sql.DB
	store *sqlstore.Store
	a     *hallpass.Authority
	token hallpass.Token
	text  string
}

// newTenant returns a host with a token. It keeps its connections, and what was prepared on them.
func newTenant(t *testing.T, e engine, dsn string, keys hallpass.Keys) *tenant {
	t.Helper()
	db := e.open(t, dsn)
	h := &tenant{t: t, db: db, store: e.store(t, db)}
	h.a = hallpasstest.With(t, hallpass.Config{Store: h.store, Keys: keys})
	h.token, h.text = issue(t, h.a, api)
	require.NoError(t, h.a.Check(t.Context()))
	return h
}

// reconnects drops the connections of a server that was stopped.
func (h *tenant) reconnects() *tenant {
	h.db.SetMaxIdleConns(0)
	h.db.SetMaxIdleConns(16)
	return h
}

// refused sees to it that nothing is written, and that every error says what is wrong and what to set.
func (h *tenant) refused(says ...string) {
	t := h.t
	t.Helper()
	_, _, issued := h.a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	_, _, rotated := h.a.Rotate(t.Context(), acme, h.token.ID, 0)
	_, all := h.a.RevokeAll(t.Context(), acme)
	for what, err := range map[string]error{
		"check": h.store.Check(t.Context()), "readiness": h.a.Check(t.Context()), "issue": issued, "rotate": rotated, "revoke all": all,
		"revoke": h.a.Revoke(t.Context(), acme, h.token.ID),
	} {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable, what)
		for _, s := range says {
			assert.ErrorContains(t, err, s, what)
		}
	}
}

// works sees to it that the token is live, and that a token can be issued and ended.
func (h *tenant) works() {
	h.t.Helper()
	worksOn(h.t, h.a)
	require.NoError(h.t, h.a.Check(h.t.Context()))
	_, err := h.a.Authenticate(h.t.Context(), h.text)
	require.NoError(h.t, err, "what was refused was not done")
}

func worksOn(t *testing.T, a *hallpass.Authority) {
	t.Helper()
	token, text := issue(t, a, api)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	_, err := a.Authenticate(t.Context(), text)
	require.Equal(t, hallpass.ErrUnauthenticated, err)
}

func TestAMariaDBThatLosesRevocationsIsRefused(t *testing.T) {
	t.Parallel()
	p := privateMariaDB(t)
	p.start("log-bin", "sync-binlog=1", "character-set-server=latin1", "sql-mode=")
	admin := p.engine.open(t, p.dsn)
	keys := mustKeys(t, hallpass.GenerateKey())
	h := newTenant(t, p.engine, databaseOn(t, p.dsn, "", ""), keys)
	lossy, err := sqlstore.New(p.engine.open(t, databaseOn(t, p.dsn, "", "")), sqlstore.MySQL.AllowLossyRevocation())
	require.NoError(t, err)
	require.NoError(t, lossy.Migrate(t.Context()))
	for _, c := range []struct{ set, back, says, remedy string }{
		{"innodb_flush_log_at_trx_commit = 0", "innodb_flush_log_at_trx_commit = 1", "innodb_flush_log_at_trx_commit is 0", "set it to 1, or use AllowLossyRevocation"},
		{"innodb_flush_log_at_trx_commit = 2", "innodb_flush_log_at_trx_commit = 3", "innodb_flush_log_at_trx_commit is 2", "set it to 1, or use AllowLossyRevocation"},
		{"sync_binlog = 0", "sync_binlog = 1", "sync_binlog is 0", "set it to 1, or use AllowLossyRevocation"},
		{"sync_binlog = 100", "sync_binlog = 1", "sync_binlog is 100", "set it to 1, or use AllowLossyRevocation"},
	} {
		must(t, admin, "SET GLOBAL "+c.set)
		h.refused(c.says, c.remedy)
		worksOn(t, hallpasstest.With(t, hallpass.Config{Store: lossy}))
		require.NoError(t, lossy.Check(t.Context()))
		must(t, admin, "SET GLOBAL "+c.back)
		h.works()
	}

	// An administrator can write to a server that is read-only. Nothing else is lossy about it.
	must(t, admin, "SET GLOBAL read_only = 1")
	h.refused("the server is read-only", "connect to the primary")
	_, err = h.a.Authenticate(t.Context(), h.text)
	assert.NoError(t, err)
	_, _, err = hallpasstest.With(t, hallpass.Config{Store: lossy}).Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorContains(t, err, "the server is read-only")
	must(t, admin, "SET GLOBAL read_only = 0")
	h.works()
}

func TestASessionThatReadsThePastIsRefused(t *testing.T) {
	t.Parallel()
	dsn := mysqlEngine.fresh(t)
	keys := mustKeys(t, hallpass.GenerateKey())
	h := newTenant(t, mysqlEngine, dsn, keys)
	past := mysqlEngine.open(t, dsn+"?autocommit=0")
	past.SetMaxOpenConns(1)
	stale, err := sqlstore.New(past, sqlstore.MySQL)
	require.NoError(t, err)
	b := &tenant{t, past, stale, hallpasstest.With(t, hallpass.Config{Store: stale, Keys: keys}), h.token, h.text}
	b.refused("autocommit = 0", "set autocommit = 1")
	_, err = b.a.Authenticate(t.Context(), h.text)
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	assert.ErrorContains(t, err, "autocommit = 0")
	for _, err := range b.a.List(t.Context(), acme, hallpass.ListOptions{}) {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	}
	h.works()
}

func TestASessionThatConvertsDigestsIsRefused(t *testing.T) {
	t.Parallel()
	dsn := mysqlEngine.fresh(t)
	keys := mustKeys(t, hallpass.GenerateKey())
	h := newTenant(t, mysqlEngine, dsn, keys)
	for _, options := range []string{"charset=utf8mb4&character_set_connection=latin1", "charset=latin1&character_set_connection=utf8mb4",
		"charset=utf8mb4&character_set_connection=latin1&interpolateParams=true"} {
		db := mysqlEngine.open(t, dsn+"?"+options)
		store, err := sqlstore.New(db, sqlstore.MySQL)
		require.NoError(t, err)
		b := &tenant{t, db, store, hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys}), h.token, h.text}
		b.refused("character_set_connection", "set both to the same")
		h.works()
	}
}

func TestAPostgreSQLThatLosesRevocationsIsRefused(t *testing.T) {
	t.Parallel()
	p := privatePostgres(t)
	p.start()
	keys := mustKeys(t, hallpass.GenerateKey())
	dsn := p.dsn
	h := newTenant(t, p.engine, dsn, keys)
	p.stop()
	p.start("fsync=off")
	h.reconnects().refused("fsync = off", "AllowLossyRevocation")
	lossyDB := p.engine.open(t, dsn)
	lossyDB.SetMaxIdleConns(0)
	lossy, err := sqlstore.New(lossyDB, sqlstore.PostgreSQL.AllowLossyRevocation())
	require.NoError(t, err)
	require.NoError(t, lossy.Check(t.Context()))
	worksOn(t, hallpasstest.With(t, hallpass.Config{Store: lossy, Keys: keys}))
	p.stop()
	p.start()
	h.reconnects().works()

	// A standby answers with what was.
	p.stop()
	signal := p.command().Args[2] + "/standby.signal"
	require.NoError(t, os.WriteFile(signal, nil, 0o666))
	p.start()
	h.reconnects().refused("read-only")
	for _, s := range []*sqlstore.Store{h.store, lossy} {
		assert.ErrorContains(t, s.Check(t.Context()), "the server is a standby")
		assert.ErrorContains(t, s.Check(t.Context()), "connect to the primary")
	}
	p.stop()
	require.NoError(t, os.Remove(signal))
}

func TestASessionThatCannotWriteIsRefused(t *testing.T) {
	t.Parallel()
	dsn := postgresEngine.fresh(t)
	keys := mustKeys(t, hallpass.GenerateKey())
	h := newTenant(t, postgresEngine, dsn, keys)
	db := postgresEngine.open(t, dsn+"&default_transaction_read_only=on")
	store, err := sqlstore.New(db, sqlstore.PostgreSQL)
	require.NoError(t, err)
	b := &tenant{t, db, store, hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys}), h.token, h.text}
	b.refused("read-only")
	assert.ErrorContains(t, store.Check(t.Context()), "set default_transaction_read_only = off")
	_, err = b.a.Authenticate(t.Context(), h.text)
	assert.NoError(t, err)
	h.works()
}

// A commit that need not wait for the disk is made to; a level that waits for more stays.
func TestACommitWaitsForTheDiskWhateverTheSessionSays(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]string{"off": "on", "local": "local", "remote_write": "remote_write", "on": "on", "remote_apply": "remote_apply"} {
		db := postgresEngine.open(t, postgresEngine.fresh(t)+"&synchronous_commit="+level)
		db.SetMaxOpenConns(1)
		store := postgresEngine.store(t, db)
		a := on(t, store)
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		token, _ := issue(t, a.With(store.WithTx(tx)), api)
		var during, after string
		require.NoError(t, tx.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&during))
		require.NoError(t, tx.Commit())
		require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
		require.NoError(t, db.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&after))
		assert.Equal(t, []string{want, level}, []string{during, after})

		lossy, err := sqlstore.New(db, sqlstore.PostgreSQL.AllowLossyRevocation())
		require.NoError(t, err)
		tx, err = db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		issue(t, a.With(lossy.WithTx(tx)), api)
		require.NoError(t, tx.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&during))
		require.NoError(t, tx.Rollback())
		assert.Equal(t, level, during)
	}
}

func TestATableThatIsEmptiedByACrashIsRefused(t *testing.T) {
	t.Parallel()
	for e, c := range map[*engine]struct{ statement, says string }{
		&postgresEngine: {"ALTER TABLE hallpass_tokens SET UNLOGGED", `"unlogged bigint"; it has to be bigint`},
		&mysqlEngine:    {"ALTER TABLE hallpass_tokens ENGINE = MyISAM", `"MyISAM bigint"; it has to be bigint`},
	} {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t, e.fresh(t))
			store := e.store(t, db)
			must(t, db, c.statement)
			err := store.Check(t.Context())
			assert.ErrorIs(t, err, hallpass.ErrUnavailable)
			assert.ErrorContains(t, err, c.says)
			assert.True(t, strings.Contains(err.Error(), "hallpass_tokens"))
		})
	}
}
