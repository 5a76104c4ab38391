// Package hosting has the code of docs/hosting.md, where it is explained. It is a service with repositories, which lie in projects.
package hosting

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/sqlstore"
)

type Service struct {
	db     *sql.DB
	store  *sqlstore.Store
	passes *hallpass.Authority
}

func New(ctx context.Context, db *sql.DB, keys hallpass.Keys) (*Service, error) {
	s := &Service{db: db}
	var err error
	if s.store, err = sqlstore.New(db, sqlstore.SQLite); err != nil {
		return nil, err
	}
	if err = s.store.Migrate(ctx); err != nil {
		return nil, err
	}
	s.passes, err = hallpass.New(hallpass.Config{
		Store:   s.store,
		Keys:    keys,
		Realm:   "production",
		Policy:  s.mayIssue,
		Observe: func(_ context.Context, e hallpass.Event) { slog.Info("token", "event", e) },
	})
	return s, err
}

// A Repository is a row of the host's own table.
type Repository struct{ Workspace, Project, ID, Name string }

func (r Repository) Resource() hallpass.Resource {
	return hallpass.Repository(r.Workspace, r.ID).In(r.Project)
}

func (s *Service) repository(r *http.Request) (Repository, error) {
	var found Repository
	err := s.db.QueryRowContext(r.Context(), `SELECT workspace, project, id, name FROM repositories WHERE workspace = ? AND name = ?`,
		r.PathValue("workspace"), r.PathValue("repository")).Scan(&found.Workspace, &found.Project, &found.ID, &found.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return found, bearer.NotFound(hallpass.Workspace(r.PathValue("workspace")))
	}
	return found, err
}

func (s *Service) Routes() *bearer.Mux {
	m := &bearer.Mux{Gate: &bearer.Gate{Authority: s.passes, Realm: "example"}}
	on := bearer.On(s.repository, Repository.Resource)

	bearer.Handle(m, "GET /repositories/{workspace}/{repository}", on.Needs(hallpass.RepositoryRead), s.show)
	bearer.Handle(m, "POST /repositories/{workspace}/{repository}/hooks", on.Needs(hallpass.Webhook, hallpass.RepositoryRead), s.addHook)
	bearer.Handle(m, "DELETE /repositories/{workspace}/{repository}", on.Needs(hallpass.RepositoryDelete), s.delete)
	m.List("GET /repositories/{workspace}", s.list, hallpass.RepositoryRead)
	m.Authenticated("GET /user", http.HandlerFunc(s.whoAmI))
	m.Public("GET /health", http.HandlerFunc(s.health))
	return m
}

func (s *Service) show(w http.ResponseWriter, r *http.Request, repository Repository) {
	json.NewEncoder(w).Encode(map[string]string{"name": repository.Name})
}

func (s *Service) addHook(w http.ResponseWriter, r *http.Request, repository Repository) {
	token, _ := hallpass.FromContext(r.Context())
	slog.Info("a webhook was added", "repository", repository.ID, "by", token.Name)
	w.WriteHeader(http.StatusCreated)
}

func (s *Service) list(w http.ResponseWriter, r *http.Request, reach hallpass.Resource) {
	rows, err := s.db.QueryContext(r.Context(), `SELECT name FROM repositories WHERE workspace = ?1 AND workspace = ?2
		AND (?3 = '' OR project = ?3) AND (?4 = '' OR id = ?4) ORDER BY name`,
		r.PathValue("workspace"), reach.Workspace(), reach.Project(), reach.Repository())
	if err != nil {
		bearer.WriteError(w, r, err)
		return
	}
	defer rows.Close()
	names := []string{}
	for rows.Next() {
		var name string
		err = errors.Join(err, rows.Scan(&name))
		names = append(names, name)
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		bearer.WriteError(w, r, err)
		return
	}
	json.NewEncoder(w).Encode(names)
}

func (s *Service) delete(w http.ResponseWriter, r *http.Request, repository Repository) {
	if err := s.deleteWithTokens(r.Context(), repository); err != nil {
		bearer.WriteError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) deleteWithTokens(ctx context.Context, repository Repository) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, `DELETE FROM repositories WHERE id = ?`, repository.ID); err != nil {
		return err
	}
	if _, err := s.passes.With(s.store.WithTx(tx)).RevokeAll(ctx, repository.Resource()); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *Service) whoAmI(w http.ResponseWriter, r *http.Request) {
	token, _ := hallpass.FromContext(r.Context())
	json.NewEncoder(w).Encode(map[string]string{"name": token.Name, "scope": token.Scope.String()})
}

func (s *Service) health(w http.ResponseWriter, r *http.Request) {
	if err := s.passes.Check(r.Context()); err != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	}
}

type personKey struct{}

func (s *Service) mayIssue(ctx context.Context, g hallpass.Grant) error {
	person, ok := ctx.Value(personKey{}).(string) // put there by the pages, out of a session
	if !ok {
		return errors.New("nobody is logged in")
	}
	var admin int
	err := s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM admins WHERE person = ? AND workspace = ?`, person, g.Resource.Workspace()).Scan(&admin)
	if err != nil {
		return fmt.Errorf("%w: %w", hallpass.ErrUnavailable, err)
	}
	if admin == 0 {
		return errors.New("only an administrator of the workspace makes tokens")
	}
	return nil
}

func (s *Service) logIn(w http.ResponseWriter, r *http.Request) {
	if s.passes.Recognizes(r.FormValue("password")) {
		http.Error(w, "This is an access token. It is for scripts and git; log in with your password.", http.StatusUnprocessableEntity)
		return
	}
	http.Error(w, "not part of this page", http.StatusNotImplemented)
}
