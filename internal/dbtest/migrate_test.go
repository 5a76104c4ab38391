package dbtest

import (
	"database/sql"
	"io/fs"
	"strings"
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

func TestTheMigrationsAreFilesForOtherTools(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.PostgreSQL, sqlstore.MySQL, sqlstore.MySQL.TablePrefix("acme_")} {
		files := sqlstore.Migrations(d)
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
		assert.Equal(t, whole, sqlstore.Schema(d))
		assert.Regexp(t, "CREATE TABLE (IF NOT EXISTS )?(hallpass_|acme_)tokens", whole)
	}
}
