package sqlstore

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations
var migrations embed.FS

// Migrations returns the files that make and change the tables, in the form that goose and golang-migrate read, for hosts
// that use one of these. It is nil for a dialect that [New] refuses. There are no files that take a change back. Have the tool note the
// versions in a table of its own (goose.WithTableName, MigrationsTable in golang-migrate), for their numbers begin at 1, as the host's may.
// With golang-migrate, the DSN of MySQL needs multiStatements=true.
//
// Migrate can be called after the tool, and does nothing then. A tool that comes after Migrate has to be told that version 1 is there: it may fail
// because the tables are.
func Migrations(d Dialect) fs.FS {
	if d.validate() != nil {
		return nil
	}
	files, err := fs.Sub(migrations, "migrations/"+d.String())
	if err == nil && d.prefix() != defaultPrefix {
		files, err = renamed(files, d)
	}
	if err != nil {
		panic(err) // a bad path, which is written here
	}
	return files
}

// renamed returns files with the table prefix of d. A zip archive is a file system that can be made in memory.
func renamed(files fs.FS, d Dialect) (fs.FS, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	names, err := fs.Glob(files, "*.sql")
	for _, name := range names {
		text, readErr := fs.ReadFile(files, name)
		file, writeErr := w.Create(name)
		if err = errors.Join(err, readErr, writeErr); err == nil {
			_, err = io.WriteString(file, d.named(string(text)))
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

// Schema returns the SQL of all migrations, in order, for hosts with another tool. It is "" for a dialect that [New] refuses.
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
// table but its own, whose names begin with "hallpass_" or the prefix of the dialect. It takes nothing back: tables of a later version
// stay as they are. Where it fails, calling again is safe.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.retry(ctx, func() error {
		return s.engine.migrate(ctx, s.db, func(q querier) error { return s.migrate(ctx, q) })
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
	if version == 0 {
		// What is there may be left from a migration that was interrupted, or somebody else's.
		if err := s.tables(ctx, q, true); err != nil {
			return err
		}
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
	columns, err := s.engine.columns(ctx, q, s.dialect.named("hallpass_schema"))
	if err != nil || len(columns) == 0 {
		return 0, err
	}
	err = q.QueryRowContext(ctx, s.sql.version).Scan(&version)
	return version, err
}
