package dbtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// crowd issues tokens without waiting for the disk, each bound to what resource says.
func crowd(t testing.TB, e engine, dsn string, keys hallpass.Keys, n int, resource func(i int) hallpass.Resource) (ids []hallpass.ID, texts []string) {
	t.Helper()
	db := e.open(t, dsn)
	e.dialect = e.dialect.AllowLossyRevocation()
	lossy := e.store(t, db)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	issuer := hallpasstest.With(t, hallpass.Config{Store: lossy, Keys: keys}).With(lossy.WithTx(tx))
	for i := range n {
		token, text := issue(t, issuer, resource(i))
		ids, texts = append(ids, token.ID), append(texts, strings.Clone(text))
	}
	require.NoError(t, tx.Commit())
	return ids, texts
}

func repositories(i int) hallpass.Resource {
	return hallpass.Repository("acme", fmt.Sprintf("r%04d", i))
}

func TestTokensAreRevokedWhileTheyAreListed(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		dsn, keys := e.fresh(t), mustKeys(t, hallpass.GenerateKey())
		ids, texts := crowd(t, e, dsn, keys, 1200, repositories)
		others, _ := crowd(t, e, dsn, keys, 50, func(i int) hallpass.Resource { return hallpass.Repository("acme2", fmt.Sprint(i)) })
		db := e.open(t, dsn)
		db.SetMaxOpenConns(1) // a list that held its connection would hang
		a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: keys})
		slices.Sort(ids)

		var listed []hallpass.ID
		for token, err := range a.List(t.Context(), acme, hallpass.ListOptions{}) {
			require.NoError(t, err)
			if listed = append(listed, token.ID); len(listed)%10 == 0 {
				require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
			}
		}
		assert.Equal(t, ids, listed)
		assert.Len(t, list(t, a, acme, hallpass.ListOptions{}), 1080)
		assert.Equal(t, ids, list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true}))

		// Page by page, over the borders of what is read at once.
		var paged []hallpass.ID
		opts := hallpass.ListOptions{IncludeRevoked: true, Limit: 7}
		for page := list(t, a, acme, opts); len(page) > 0; page = list(t, a, acme, opts) {
			paged = append(paged, page...)
			opts.After, opts.Limit = page[len(page)-1], 2*opts.Limit
		}
		assert.Equal(t, ids, paged)

		ended, err := a.RevokeAll(t.Context(), acme)
		require.NoError(t, err)
		assert.Equal(t, 1080, ended)
		assert.Empty(t, list(t, a, acme, hallpass.ListOptions{}))
		for _, text := range texts {
			_, err := a.Authenticate(t.Context(), text)
			require.Equal(t, hallpass.ErrUnauthenticated, err)
		}
		assert.Len(t, list(t, a, hallpass.Workspace("acme2"), hallpass.ListOptions{}), len(others))
		assert.Empty(t, collect(a.Verify(t.Context())))
		require.NoError(t, a.Check(t.Context()))
	})
}

func TestTheStoreListsMoreThanItReadsAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, engines, func(t *testing.T, e engine) {
		dsn, keys := e.fresh(t), mustKeys(t, hallpass.GenerateKey())
		ids, _ := crowd(t, e, dsn, keys, 1200, func(i int) hallpass.Resource {
			return []hallpass.Resource{acme, core, api, hallpass.Project("acme", "api")}[i%4]
		})
		slices.Sort(ids)
		store := e.store(t, e.open(t, dsn))
		for q, want := range map[hallpass.Query]int{
			{All: true}:                                1200,
			{Within: acme}:                             1200,
			{Within: acme, Only: true}:                 300,
			{Within: core}:                             300,
			{Within: api}:                              300,
			{Within: api.In("core")}:                   300,
			{Within: core, Only: true, Limit: 5}:       5,
			{All: true, Limit: 501}:                    501,
			{All: true, Limit: 500}:                    500,
			{Within: acme, After: ids[499]}:            700,
			{All: true, After: ids[1199]}:              0,
			{}:                                         0,
			{Within: hallpass.Workspace("emca")}:       0,
			{Within: hallpass.Repository("acme", "x")}: 0,
		} {
			n := 0
			last := hallpass.ID("")
			for r, err := range store.List(t.Context(), q) {
				require.NoError(t, err)
				require.True(t, q.Matches(r))
				require.Greater(t, r.Token.ID, last)
				last = r.Token.ID
				n++
			}
			assert.Equal(t, want, n, "%+v", q)
		}
	})
}

func TestLastUsesAreKept(t *testing.T) {
	t.Parallel()
	file, keys := newFile(t), mustKeys(t, hallpass.GenerateKey())
	ids, texts := crowd(t, sqliteEngine, uri(file, wal), keys, 1100, repositories)
	db, spy := spied(t, file, wal)
	a := hallpasstest.With(t, hallpass.Config{Store: storeOn(t, db), Keys: keys})
	before := time.Now().Truncate(time.Microsecond)
	for _, text := range texts[:1050] {
		_, err := a.Authenticate(t.Context(), text)
		require.NoError(t, err)
	}
	for _, text := range spy.texts() {
		require.True(t, strings.HasPrefix(text, "SELECT "), text)
	}
	require.NoError(t, a.FlushUses(t.Context()))
	for _, text := range spy.texts() {
		assert.NotContains(t, text, "hallpass_tokens", "a use never touches a token")
	}
	last, err := a.LastUsed(t.Context(), ids...)
	require.NoError(t, err)
	assert.Len(t, last, 1050)
	for _, id := range ids[:1050] {
		require.WithinRange(t, last[id], before, time.Now())
	}
	none, err := a.LastUsed(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)

	// A time that is older than the one it has changes nothing.
	store := storeOn(t, db)
	at := time.UnixMicro(2_000_000_000_000_000).UTC()
	for _, d := range []time.Duration{0, time.Hour, -time.Hour} {
		require.NoError(t, store.RecordUses(t.Context(), []hallpass.Use{{ID: ids[0], At: at.Add(d)}}))
	}
	uses, err := store.LastUses(t.Context(), ids[:1])
	require.NoError(t, err)
	assert.Equal(t, []hallpass.Use{{ID: ids[0], At: at.Add(time.Hour)}}, uses)

	// What somebody put there that is no time is an error, not a guess.
	must(t, db, "DROP TABLE hallpass_uses; CREATE TABLE hallpass_uses (id, used_at); INSERT INTO hallpass_uses VALUES (?, 'yesterday')", string(ids[0]))
	_, err = a.LastUsed(t.Context(), ids[0])
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	_, err = a.Authenticate(t.Context(), texts[0])
	assert.NoError(t, err, "no decision reads them")
}

func TestEveryStatementUsesAnIndex(t *testing.T) {
	t.Parallel()
	file, keys := newFile(t), mustKeys(t, hallpass.GenerateKey())
	ids, texts := crowd(t, sqliteEngine, uri(file, wal), keys, 600, func(i int) hallpass.Resource {
		return hallpass.Repository([]string{"acme", "bcme", "ccme", "dcme", "ecme", "fcme", "gcme", "hcme"}[i%8], fmt.Sprint(i))
	})
	for _, analyzed := range []bool{false, true} {
		db, spy := spied(t, file, wal)
		if analyzed {
			must(t, db, "ANALYZE")
		}
		store := storeOn(t, db)
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys})
		for what, c := range map[string]struct {
			do   func() error
			want string
		}{
			"list a workspace":  {func() error { list(t, a, acme, hallpass.ListOptions{}); return nil }, "INDEX hallpass_tokens_workspace (workspace=? AND id>?)"},
			"list a project":    {func() error { list(t, a, core, hallpass.ListOptions{}); return nil }, "INDEX hallpass_tokens_resource (workspace=? AND project=? AND repository=? AND id>?)"},
			"list a repository": {func() error { list(t, a, api, hallpass.ListOptions{}); return nil }, "INDEX hallpass_tokens_resource (workspace=? AND project=? AND repository=? AND id>?)"},
			"list only a workspace": {func() error { list(t, a, acme, hallpass.ListOptions{Only: true}); return nil },
				"INDEX hallpass_tokens_resource (workspace=? AND project=? AND repository=? AND id>?)"},
			"verify":    {func() error { collect(a.Verify(t.Context())); return nil }, "PRIMARY KEY (id>?)"},
			"get":       {func() error { _, err := a.Get(t.Context(), acme, ids[0]); return err }, "PRIMARY KEY (id=?)"},
			"check":     {func() error { _, err := a.Authenticate(t.Context(), texts[0]); return err }, "PRIMARY KEY (id=?)"},
			"last used": {func() error { _, err := a.LastUsed(t.Context(), ids[0]); return err }, "PRIMARY KEY (id=?)"},
		} {
			spy.take()
			require.NoError(t, c.do(), what)
			statements := spy.take()
			require.NotEmpty(t, statements, what)
			for _, s := range statements {
				steps := plan(t, db, s)
				require.Len(t, steps, 1, "%s: nothing is sorted: %v", what, steps)
				assert.True(t, strings.HasPrefix(steps[0], "SEARCH "), "%s: %v", what, steps)
				assert.True(t, strings.HasSuffix(steps[0], "USING "+c.want), "%s: %v", what, steps)
			}
		}
		// So does what a revocation writes.
		spy.take()
		require.NoError(t, a.Revoke(t.Context(), acme, ids[0]))
		for _, s := range spy.take() {
			if strings.HasPrefix(s.text, "UPDATE ") {
				assert.Equal(t, []string{"SEARCH hallpass_tokens USING PRIMARY KEY (id=?)"}, plan(t, db, s))
			}
		}
		ids, texts = ids[8:], texts[8:]
	}
}
