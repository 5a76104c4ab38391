package dbtest

import (
	"database/sql"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// schemaOf returns what a database says of its tables and indexes.
func schemaOf(t *testing.T, db *sql.DB) []string {
	t.Helper()
	return texts(t, db, "SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name")
}

func TestMigrateCanBeCalledAtEveryStart(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), wal)
	store := migrated(t, db)
	a := on(t, store)
	_, text := issue(t, a, api)
	before := append(schemaOf(t, db), dump(t, db, "hallpass_schema")...)
	for range 3 {
		require.NoError(t, store.Migrate(t.Context()))
		require.NoError(t, migrated(t, db).Check(t.Context()))
	}
	assert.Equal(t, before, append(schemaOf(t, db), dump(t, db, "hallpass_schema")...))
	_, err := a.Authenticate(t.Context(), text)
	assert.NoError(t, err)
}

func TestReplicasMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"", wal} {
		for range 5 {
			file := newFile(t)
			var wg sync.WaitGroup
			begin := make(chan struct{})
			for range 2 {
				db := open(t, file, options)
				store := storeOn(t, db)
				for range 5 {
					wg.Go(func() {
						<-begin
						assert.NoError(t, store.Migrate(t.Context()))
						assert.NoError(t, store.Check(t.Context()))
					})
				}
			}
			close(begin)
			wg.Wait()
			assert.Equal(t, 1, count(t, open(t, file, options), "hallpass_schema"))
		}
	}
}

func TestATableOfALaterVersionStaysAsItIs(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), wal)
	store := migrated(t, db)
	must(t, db, "INSERT INTO hallpass_schema VALUES (999)")
	must(t, db, "ALTER TABLE hallpass_tokens ADD COLUMN later TEXT NOT NULL DEFAULT ''")
	before := schemaOf(t, db)
	require.NoError(t, store.Migrate(t.Context()))
	assert.Equal(t, before, schemaOf(t, db))
	require.NoError(t, store.Check(t.Context()))
	issue(t, on(t, store), api)
}

func TestCheckSaysToMigrate(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), wal)
	store := storeOn(t, db)
	a := on(t, store)
	for _, err := range []error{store.Check(t.Context()), a.Check(t.Context())} {
		assert.ErrorIs(t, err, hallpass.ErrUnavailable)
		assert.ErrorContains(t, err, "run Migrate")
	}
	_, _, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	_, err = a.Authenticate(t.Context(), forged("00000000000000000000", "hp_"+strings.Repeat("0", 61)))
	assert.ErrorIs(t, err, hallpass.ErrUnavailable)
	require.NoError(t, store.Migrate(t.Context()))
	assert.NoError(t, a.Check(t.Context()))
	issue(t, a, api)
}

func TestAForeignTableIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), wal)
	must(t, db, "CREATE TABLE hallpass_tokens (id INTEGER, mine TEXT)")
	must(t, db, "INSERT INTO hallpass_tokens VALUES (1, 'precious')")
	before := append(schemaOf(t, db), dump(t, db, "hallpass_tokens")...)
	store := storeOn(t, db)
	err := store.Migrate(t.Context())
	assert.ErrorContains(t, err, `sqlstore: migrate: column hallpass_tokens.created_at has type ""`)
	assert.ErrorContains(t, err, "set a TablePrefix")
	assert.Equal(t, before, append(schemaOf(t, db), dump(t, db, "hallpass_tokens")...), "nothing is made halfway")
	assert.ErrorIs(t, store.Check(t.Context()), hallpass.ErrUnavailable)

	// A version table of somebody else's is no better.
	must(t, db, "CREATE TABLE hallpass_schema (mine TEXT)")
	assert.ErrorContains(t, store.Migrate(t.Context()), "no such column: version")
}

func TestCheckNamesAColumnOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"hallpass_schema", "hallpass_tokens", "hallpass_uses"} {
		good := open(t, newFile(t), wal)
		migrated(t, good)
		names, kinds := columnsOf(t, good, table)
		for i, name := range names {
			for _, wrong := range []string{"", "ANY", "NUMERIC", "VARCHAR(20)", "missing"} {
				db := open(t, newFile(t), hasty)
				db.SetMaxOpenConns(1)
				store := migrated(t, db)
				var list []string
				for j := range names {
					column := names[j] + " " + kinds[j]
					if i == j {
						column = names[j] + " " + wrong
					}
					if i == j && wrong == "missing" {
						column = "other TEXT"
					}
					list = append(list, column)
				}
				must(t, db, "DROP TABLE "+table+"; CREATE TABLE "+table+" ("+strings.Join(list, ", ")+")")
				err := store.Check(t.Context())
				assert.ErrorIs(t, err, hallpass.ErrUnavailable)
				assert.ErrorContains(t, err, table+"."+name)
				assert.ErrorContains(t, err, "has to be "+kinds[i])
			}
		}
	}
}

func TestTheSchemaCanBeExecutedByHand(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		db := open(t, newFile(t), wal)
		db.SetMaxOpenConns(1)
		schema := sqlstore.Schema(sqlstore.SQLite)
		if whole {
			must(t, db, schema)
		} else {
			for statement := range strings.SplitAfterSeq(schema, ";") {
				if strings.TrimSpace(statement) != "" {
					must(t, db, statement)
				}
			}
		}
		store := storeOn(t, db)
		require.NoError(t, store.Check(t.Context()))
		before := schemaOf(t, db)
		require.NoError(t, store.Migrate(t.Context()))
		assert.Equal(t, before, schemaOf(t, db))
		assert.Equal(t, 1, count(t, db, "hallpass_schema"))
		issue(t, on(t, store), api)

		// Migrate makes the same, but for comments.
		other := open(t, newFile(t), wal)
		migrated(t, other)
		assert.Equal(t, schemaOf(t, other), before)
	}
}

func TestTheMigrationsAreFilesForOtherTools(t *testing.T) {
	t.Parallel()
	files := sqlstore.Migrations(sqlstore.SQLite)
	require.NotNil(t, files)
	entries, err := fs.ReadDir(files, ".")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	whole := ""
	for _, entry := range entries {
		assert.Regexp(t, `^\d{4}_[a-z_]+\.up\.sql$`, entry.Name())
		text, err := fs.ReadFile(files, entry.Name())
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		assert.Equal(t, "-- +goose Up", first)
		assert.NotContains(t, strings.ToUpper(string(text)), "DROP ")
		whole += string(text)
	}
	assert.Equal(t, whole, sqlstore.Schema(sqlstore.SQLite))
	assert.Contains(t, whole, "CREATE TABLE hallpass_tokens")
}
