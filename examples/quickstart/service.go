package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
	_ "modernc.org/sqlite" // the driver is the host's choice: hallpass imports none
)

// A service is the forge: its own tables, and the Authority that issues and checks its tokens.
type service struct {
	db     *sql.DB
	host   *host
	store  *sqlstore.Store
	passes *hallpass.Authority
}

// newService makes a service in a database. This is all that a host sets up.
func newService(ctx context.Context, db *sql.DB, keys hallpass.Keys, observe func(context.Context, hallpass.Event)) (*service, error) {
	// The forge's tables and those of hallpass share one database here. They could as well lie in two.
	h := &host{db}
	if err := h.setUp(ctx); err != nil {
		return nil, fmt.Errorf("the tables of the host: %w", err)
	}
	store, err := sqlstore.New(db, sqlstore.SQLite)
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}

	passes, err := hallpass.New(hallpass.Config{
		Store:   store,
		Keys:    keys,
		Realm:   "quickstart", // a row that is copied from another deployment is dead here
		Policy:  h.policy,     // asked before a token is issued or rotated
		Observe: observe,      // told of everything, for the audit log
	})
	if err != nil {
		return nil, err
	}
	// Tables that are not fit, or keys that are not the ones of this database: better to learn of it now than by the first request.
	if err := passes.Check(ctx); err != nil {
		return nil, err
	}
	return &service{db, h, store, passes}, nil
}

// openDatabase opens an SQLite file, or makes it.
func openDatabase(ctx context.Context, file string) (*sql.DB, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/tokens.db
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("the database %s cannot be opened: %w", file, err)
	}
	return db, nil
}

// issue makes a token for one application, on behalf of an administrator whom the forge has logged in and checked before.
// The secret exists only in what is returned: hand it over and forget it.
func (s *service) issue(ctx context.Context, name string, at place, permissions ...hallpass.Permission) (hallpass.Token, hallpass.Secret, error) {
	return s.passes.Issue(ctx, hallpass.Grant{
		Name:        name,
		CreatedBy:   "admin@acme",
		Resource:    at.resource(),
		Permissions: permissions,
	})
}

// A server is a service on a port.
type server struct {
	service *service
	http    http.Server
	url     string
	failed  chan error // gets the reason if it ends before stop
}

// start listens on addr, which may leave the port open.
func (s *service) start(addr string) (*server, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	srv := &server{
		service: s,
		http:    http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second},
		url:     "http://" + listener.Addr().String(),
		failed:  make(chan error, 1),
	}
	go func() {
		if err := srv.http.Serve(listener); err != http.ErrServerClosed {
			srv.failed <- err
		}
	}()
	return srv, nil
}

// stop lets the requests that are under way finish. Then it writes when tokens were last used, which would be lost otherwise.
func (srv *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(srv.http.Shutdown(ctx), srv.service.passes.FlushUses(ctx))
}
