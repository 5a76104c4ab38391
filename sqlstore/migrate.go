package sqlstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/hallpass-go/hallpass"
)

//go:embed migrations
var migrations embed.FS

// Migrations returns the files that make and change the tables, in the form that goose and golang-migrate read, for hosts
// that use one of these. It is nil for an unknown dialect. There are no files that take a change back.
func Migrations(d Dialect) fs.FS {
	e := d.engine()
	if e == nil {
		return nil
	}
	files, err := fs.Sub(migrations, "migrations/"+e.name())
	if err != nil {
		panic(err) // a bad path, which is written here
	}
	return files
}

// Schema returns the SQL of all migrations, in order, for hosts with another tool. It is "" for an unknown dialect.
func Schema(d Dialect) string {
	var b strings.Builder
	for _, m := range all(d) {
		b.WriteString(m.sql)
	}
	return b.String()
}

// A migration is a file of Migrations. The file itself notes its version in hallpass_schema.
type migration struct {
	version int
	sql     string
}

func all(d Dialect) (list []migration) {
	files := Migrations(d)
	if files == nil {
		return nil
	}
	// The files are part of this package: what cannot be read here cannot be read by its tests.
	entries, _ := fs.ReadDir(files, ".")
	for _, entry := range entries {
		text, _ := fs.ReadFile(files, entry.Name())
		number, _, _ := strings.Cut(entry.Name(), "_")
		version, _ := strconv.Atoi(number)
		list = append(list, migration{version, string(text)})
	}
	return list
}

// statements returns the statements of a migration, without comments.
func (m migration) statements() (list []string) {
	var lines strings.Builder
	for line := range strings.Lines(m.sql) {
		if !strings.HasPrefix(line, "--") {
			lines.WriteString(line)
		}
	}
	for statement := range strings.SplitSeq(lines.String(), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			list = append(list, statement)
		}
	}
	return list
}

// Migrate makes the tables, or brings them to this version. It can be called at every start, by several replicas at once. It touches no
// table but its own, whose names begin with "hallpass_". It takes nothing back: tables of a later version stay as they are.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.retry(ctx, func() error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return s.engine.atomically(ctx, conn, func() error { return s.migrate(ctx, conn) })
	})
	if err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context, q querier) error {
	version, err := s.version(ctx, q)
	if err != nil {
		return err
	}
	for _, m := range all(s.dialect) {
		if m.version <= version {
			continue
		}
		for _, statement := range m.statements() {
			if _, err := q.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("version %d: %w", m.version, err)
			}
		}
	}
	return nil
}

// version returns the version of the tables, 0 if there are none.
func (s *Store) version(ctx context.Context, q querier) (version int, err error) {
	columns, err := s.engine.columns(ctx, q, "hallpass_schema")
	if err != nil || len(columns) == 0 {
		return 0, err
	}
	err = q.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM hallpass_schema").Scan(&version)
	return version, err
}

// Check reports whether the database is fit to keep tokens: its tables are there, with columns of the types that keep texts byte for byte,
// and what it acknowledges outlives a crash. The error wraps [hallpass.ErrUnavailable] and says what to do.
// [hallpass.Authority.Check] calls it.
func (s *Store) Check(ctx context.Context) error {
	err := s.retry(ctx, func() error { return s.check(ctx) })
	if err != nil {
		return fmt.Errorf("%w: %w", hallpass.ErrUnavailable, err)
	}
	return nil
}

func (s *Store) check(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for table, types := range s.engine.types() {
		columns, err := s.engine.columns(ctx, conn, table)
		if err != nil {
			return err
		}
		if len(columns) == 0 {
			return fmt.Errorf("sqlstore: there is no table %s; run Migrate", table)
		}
		for column, kind := range types {
			if columns[column] != kind {
				return fmt.Errorf("sqlstore: column %s.%s has type %q; it has to be %s, run Migrate on a fresh schema", table, column, columns[column], kind)
			}
		}
	}
	if s.dialect&lossy != 0 {
		return nil
	}
	undo, err := s.engine.durable(ctx, conn)
	if err == nil {
		undo()
	}
	return err
}
