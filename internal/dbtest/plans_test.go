package dbtest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// explain returns how a server would execute a statement: the plan of PostgreSQL, a line a step, and of MariaDB the type of access and the
// key of each table, and what else it does.
func explain(t *testing.T, e engine, db *sql.DB, s statement) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+s.text, s.args...)
	require.NoError(t, err, s.text)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		values, pointers := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			pointers[i] = &values[i]
		}
		require.NoError(t, rows.Scan(pointers...))
		line := ""
		for i, name := range names {
			switch {
			case e.name == "PostgreSQL":
				line += strings.TrimSpace(values[i].String)
			case name == "type" || name == "key" || name == "Extra":
				line += values[i].String + "; "
			}
		}
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}

// Each query has an index that gives its rows in their order, so that nothing is sorted and no more is read than is shown.
func TestEveryQueryOfAServerHasAnIndex(t *testing.T) {
	t.Parallel()
	onEach(t, []engine{postgresEngine, mysqlEngine}, func(t *testing.T, e engine) {
		dsn, keys := e.fresh(t), mustKeys(t, hallpass.GenerateKey())
		ids, texts := crowd(t, e, dsn, keys, 6000, func(i int) hallpass.Resource {
			return hallpass.Repository(fmt.Sprint("w", max(0, i%20-15)), fmt.Sprint("r", i%200))
		})
		db, spy := e.spied(t, dsn)
		must(t, db, map[string]string{"PostgreSQL": "ANALYZE hallpass_tokens", "MariaDB": "ANALYZE TABLE hallpass_tokens"}[e.name])
		a := hallpasstest.With(t, hallpass.Config{Store: e.store(t, db), Keys: keys})
		workspace, repository := hallpass.Workspace("w0"), hallpass.Repository("w0", "r0")
		sorted := slices.Sorted(slices.Values(ids))
		later := hallpass.ListOptions{After: sorted[len(sorted)/2]}
		for what, c := range map[string]struct {
			do               func() error
			postgres, mysql_ string
		}{
			"check":                 {func() error { _, err := a.Authenticate(t.Context(), texts[0]); return err }, "hallpass_tokens_pkey", "const; PRIMARY"},
			"list a workspace":      {func() error { list(t, a, workspace, later); return nil }, "hallpass_tokens_workspace", "range; hallpass_tokens_workspace"},
			"list a repository":     {func() error { list(t, a, repository, later); return nil }, "hallpass_tokens_resource", "range; hallpass_tokens_resource"},
			"list only a workspace": {func() error { list(t, a, workspace, hallpass.ListOptions{Only: true}); return nil }, "hallpass_tokens_resource", "range; hallpass_tokens_resource"},
			"verify":                {func() error { collect(a.Verify(t.Context())); return nil }, "hallpass_tokens_pkey", "range; PRIMARY"},
			"last used":             {func() error { _, err := a.LastUsed(t.Context(), ids[0]); return err }, "hallpass_uses", "hallpass_uses"},
			"revoke":                {func() error { return a.Revoke(t.Context(), hallpass.Workspace("w1"), ids[16]) }, "hallpass_tokens_pkey", "PRIMARY"},
		} {
			spy.take()
			require.NoError(t, c.do(), what)
			statements := spy.take()
			require.NotEmpty(t, statements, what)
			if strings.HasPrefix(what, "list") || what == "verify" {
				statements = statements[:1] // of the last page, a server may rather sort what is left
			}
			for _, s := range statements {
				if what == "last used" {
					continue // the table is empty
				}
				plan := explain(t, e, db, s)
				want := c.postgres
				if e.name == "MariaDB" {
					want = c.mysql_
				}
				assert.Contains(t, plan, want, "%s: %s", what, s.text)
				if what == "list a workspace" || what == "verify" {
					assert.NotContains(t, plan, "Sort", what) // as it may where there is but a page
				}
				assert.NotContains(t, plan, "filesort", what)
				assert.NotContains(t, plan, "Seq Scan", what)
				assert.NotContains(t, plan, "ALL;", what)
			}
		}
	})
}
