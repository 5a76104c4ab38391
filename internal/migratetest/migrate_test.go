package migratetest

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-migrate/migrate/v4"
	migratedb "github.com/golang-migrate/migrate/v4/database"
	migratemysql "github.com/golang-migrate/migrate/v4/database/mysql"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	migratesqlite "github.com/golang-migrate/migrate/v4/database/sqlite"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// versions is the table in which a tool notes what it has run. It is not the one of the host's own migrations, whose numbers begin at 1 too.
const versions = "versions_of_hallpass"

// A tool is one that hosts migrate with.
type tool struct {
	// up runs the files of sqlstore.Migrations and returns how many it ran.
	up func(t *testing.T, d database, dsn string) (int, error)

	// tell notes that the files up to this version have been run.
	tell func(t *testing.T, d database, dsn string, version int) error
}

var tools = map[string]tool{
	"goose": {
		up: func(t *testing.T, d database, dsn string) (int, error) {
			dialects := map[string]goose.Dialect{"SQLite": goose.DialectSQLite3, "PostgreSQL": goose.DialectPostgres, "MariaDB": goose.DialectMySQL}
			provider, err := goose.NewProvider(dialects[d.name], d.open(t, dsn), sqlstore.Migrations(d.dialect), goose.WithTableName(versions))
			require.NoError(t, err)
			results, err := provider.Up(t.Context())
			return len(results), err
		},
		tell: func(t *testing.T, d database, dsn string, version int) error {
			_, err := d.open(t, dsn).ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %s (version_id, is_applied) VALUES (%d, true)", versions, version))
			return err
		},
	},
	"golang-migrate": {
		up: func(t *testing.T, d database, dsn string) (int, error) {
			m := golangMigrate(t, d, dsn)
			before, _, _ := m.Version() // 0 if there is none
			err := m.Up()
			if errors.Is(err, migrate.ErrNoChange) {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			after, dirty, err := m.Version()
			assert.False(t, dirty)
			return int(after - before), err
		},
		tell: func(t *testing.T, d database, dsn string, version int) error {
			return golangMigrate(t, d, dsn).Force(version)
		},
	},
}

func golangMigrate(t *testing.T, d database, dsn string) *migrate.Migrate {
	t.Helper()
	instances := map[string]func(*sql.DB) (migratedb.Driver, error){
		"SQLite": func(db *sql.DB) (migratedb.Driver, error) {
			return migratesqlite.WithInstance(db, &migratesqlite.Config{MigrationsTable: versions})
		},
		"PostgreSQL": func(db *sql.DB) (migratedb.Driver, error) {
			return migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTable: versions})
		},
		"MariaDB": func(db *sql.DB) (migratedb.Driver, error) {
			return migratemysql.WithInstance(db, &migratemysql.Config{MigrationsTable: versions})
		},
	}
	files, err := iofs.New(sqlstore.Migrations(d.dialect), ".")
	require.NoError(t, err)
	instance, err := instances[d.name](d.open(t, dsn))
	require.NoError(t, err)
	m, err := migrate.NewWithInstance("iofs", files, d.driver, instance)
	require.NoError(t, err)
	t.Cleanup(func() {
		source, database := m.Close()
		require.NoError(t, errors.Join(source, database))
	})
	return m
}

// onEach runs a test with each tool on each database, with the names of tables that hallpass gives and with others.
func onEach(t *testing.T, test func(t *testing.T, d database, tool tool)) {
	for name, tool := range tools {
		for _, d := range databases {
			for _, dialect := range []sqlstore.Dialect{d.dialect, d.dialect.TablePrefix("acme_auth_")} {
				t.Run(name+"/"+string(dialect), func(t *testing.T) {
					t.Parallel()
					d := d
					d.dialect = dialect
					test(t, d, tool)
				})
			}
		}
	}
}

// works proves that tokens can be kept in the tables.
func works(t *testing.T, store *sqlstore.Store) {
	t.Helper()
	require.NoError(t, store.Check(t.Context()))
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	api := hallpass.Repository("acme", "api")
	secret := hallpasstest.Secret(t, a, api, hallpass.RepositoryWrite)
	_, err := a.Authorize(t.Context(), secret, api, hallpass.RepositoryRead)
	require.NoError(t, err)
	require.NoError(t, a.FlushUses(t.Context()))
	n, err := a.RevokeAll(t.Context(), api)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, err = a.Authenticate(t.Context(), secret)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
}

// files returns how many migrations there are.
func files(t *testing.T, d database) int {
	t.Helper()
	n := strings.Count(sqlstore.Schema(d.dialect), "-- +goose Up\n")
	require.Positive(t, n)
	return n
}

func TestToolsMakeTheTablesThatMigrateMakes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, tool tool) {
		dsn := d.fresh(t)
		n, err := tool.up(t, d, dsn)
		require.NoError(t, err)
		assert.Equal(t, files(t, d), n)
		db := d.open(t, dsn)
		made := d.tables(t, db)
		require.NotEmpty(t, made)
		works(t, d.store(t, db))

		// Each can be run again, and after the other.
		n, err = tool.up(t, d, dsn)
		require.NoError(t, err)
		assert.Zero(t, n)
		assert.Equal(t, made, d.tables(t, db))
		require.NoError(t, d.store(t, db).Migrate(t.Context()))
		assert.Equal(t, made, d.tables(t, db))

		db = d.open(t, d.fresh(t))
		require.NoError(t, d.store(t, db).Migrate(t.Context()))
		assert.Equal(t, d.tables(t, db), made, "by Migrate")

		db = d.open(t, d.fresh(t))
		_, err = db.ExecContext(t.Context(), sqlstore.Schema(d.dialect))
		require.NoError(t, err)
		assert.Equal(t, d.tables(t, db), made, "by executing Schema")
		works(t, d.store(t, db))
	})
}

// A host that moves from Migrate to a tool tells the tool which version is there. A tool that was not told says that there are tables already, or, on
// MariaDB, where a file can be executed again, need not be told. No table changes in any case.
func TestAToolAfterMigrateChangesNoTable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d database, tool tool) {
		dsn := d.fresh(t)
		db := d.open(t, dsn)
		store := d.store(t, db)
		require.NoError(t, store.Migrate(t.Context()))
		made := d.tables(t, db)
		require.NotEmpty(t, made)
		n, err := tool.up(t, d, dsn)
		if d.name == "MariaDB" {
			require.NoError(t, err)
			assert.Equal(t, files(t, d), n)
		} else {
			require.ErrorContains(t, err, "already exists")
			require.NoError(t, tool.tell(t, d, dsn, files(t, d)))
		}
		n, err = tool.up(t, d, dsn)
		require.NoError(t, err)
		assert.Zero(t, n)
		assert.Equal(t, made, d.tables(t, db))
		works(t, store)
	})
}
