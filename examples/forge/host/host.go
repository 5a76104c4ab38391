// Package host is the forge without hallpass's help: its database, its workspaces, projects and repositories, its people and what
// they may do. Beside it stands the Authority, which knows nothing of all that but what Policy and Observe tell it.
package host

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver is the host's choice: hallpass imports none

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

// A Host is the forge in one data folder. It is safe for concurrent use.
type Host struct {
	DB     *sql.DB
	Store  *sqlstore.Store     // tokens lie in the same database, so that a repository and its tokens end in one transaction
	Passes *hallpass.Authority // issues and checks tokens
	dir    string
	audit  *audit
	logins chan struct{} // as many as may be checked at once
	nobody string        // a digest that no password has
}

//go:embed schema.sql
var schema string

// Open opens the forge in dir, and makes what is not there: folder, key, database and tables.
func Open(ctx context.Context, dir string) (*Host, error) {
	if err := os.MkdirAll(filepath.Join(dir, "git"), 0o700); err != nil {
		return nil, err
	}
	keys, err := openKey(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(filepath.Join(dir, "forge.db"))
	if err != nil {
		return nil, err
	}
	h := &Host{DB: db, dir: dir, audit: newAudit(db), logins: make(chan struct{}, 2)}
	if err := h.setUp(ctx, keys); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) setUp(ctx context.Context, keys hallpass.Keys) (err error) {
	if h.nobody, err = argon2id.CreateHash(rand.Text(), &passwordCost); err != nil {
		return err
	}
	for statement := range strings.SplitSeq(schema, ";\n") {
		if _, err := h.DB.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the tables of the forge: %w", err)
		}
	}
	if h.Store, err = sqlstore.New(h.DB, sqlstore.SQLite); err != nil {
		return err
	}
	if err := h.Store.Migrate(ctx); err != nil {
		return err
	}
	h.Passes, err = hallpass.New(hallpass.Config{
		Store:   h.Store,
		Keys:    keys,
		Realm:   "forge",
		Policy:  h.policy,
		Observe: h.audit.observe,
	})
	if err != nil {
		return err
	}
	// Better to learn now that the key is not the one of this database than by the first request.
	return h.Passes.Check(ctx)
}

// Close writes what is still in memory (when tokens were last used, and the audit log), and closes the database.
func (h *Host) Close() error {
	var err error
	if h.Passes != nil {
		err = h.Passes.FlushUses(context.Background())
	}
	return errors.Join(err, h.audit.close(), h.DB.Close())
}

// GitDir returns the folder of a bare repository. It is named after the identity, so that no text of a request is ever part of a path.
func (h *Host) GitDir(r Repository) string { return filepath.Join(h.GitRoot(), r.ID+".git") }

// GitRoot returns the folder that the bare repositories lie in.
func (h *Host) GitRoot() string { return filepath.Join(h.dir, "git") }

func openDatabase(file string) (*sql.DB, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/forge.db
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8) // a connection that is opened anew for each burst prepares everything anew
	return db, nil
}

// newID returns a name for something that no other thing ever gets.
func newID() string { return uuid.NewString() }
