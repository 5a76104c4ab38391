// Package operations holds the code of docs/operations.md, so that what people copy compiles and works.
package operations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/sqlstore"
)

func Open(ctx context.Context, db *sql.DB, keys hallpass.Keys) (*hallpass.Authority, *sqlstore.Store, error) {
	store, err := sqlstore.New(db, sqlstore.SQLite)
	if err != nil {
		return nil, nil, err
	}
	if err := store.Migrate(ctx); err != nil { // at every start, by every replica
		return nil, nil, err
	}
	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys, Realm: "production"})
	if err != nil {
		return nil, nil, err
	}
	return passes, store, passes.Check(ctx)
}

func Ready(passes *hallpass.Authority) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := passes.Check(ctx); err != nil {
			slog.ErrorContext(ctx, "not ready", "error", err) // it says what to set
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	})
}

func AddJob(ctx context.Context, db *sql.DB, store *sqlstore.Store, passes *hallpass.Authority, g hallpass.Grant) (hallpass.Secret, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return hallpass.Secret{}, err
	}
	defer tx.Rollback()
	token, secret, err := passes.With(store.WithTx(tx)).Issue(ctx, g)
	if err != nil {
		return hallpass.Secret{}, err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO jobs (name, token) VALUES (?, ?)", g.Name, string(token.ID)); err != nil {
		return hallpass.Secret{}, err
	}
	if err := tx.Commit(); err != nil {
		return hallpass.Secret{}, err // nobody has the secret, so nothing has to be taken back
	}
	return secret, nil
}

func FlushUses(ctx context.Context, passes *hallpass.Authority) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = passes.FlushUses(last)
			return
		case <-ticker.C:
			if err := passes.FlushUses(ctx); err != nil {
				slog.WarnContext(ctx, "last-used times are late", "error", err) // nothing is lost
			}
		}
	}
}

// Reseal moves every record to the current key, from where the last call was stopped, and returns how many need an older key still.
func Reseal(ctx context.Context, passes *hallpass.Authority, after hallpass.ID, keep func(hallpass.ID)) error {
	for p, err := range passes.Sweep(ctx, hallpass.SweepOptions{Reseal: true, After: after}) {
		if err != nil {
			return err // call again with what was kept
		}
		for _, f := range p.Bad {
			slog.ErrorContext(ctx, "look at this record", "id", f.ID, "error", f.Err)
		}
		keep(p.Last)
		slog.InfoContext(ctx, "resealing", "records", p.Records, "moved", p.Resealed)
	}
	return nil
}

// Outdated returns how many records need an older key.
func Outdated(ctx context.Context, passes *hallpass.Authority) (int, error) {
	var last hallpass.Progress
	for p, err := range passes.Sweep(ctx, hallpass.SweepOptions{}) {
		if err != nil {
			return 0, err
		}
		last = p
	}
	return last.Outdated, nil
}

// A Revocation is a line of the audit log.
type Revocation struct {
	Resource hallpass.Resource
	ID       hallpass.ID
}

func RevokeAgain(ctx context.Context, passes *hallpass.Authority, revocations []Revocation) error {
	for _, r := range revocations {
		err := passes.Revoke(ctx, r.Resource, r.ID)
		if err != nil && !errors.Is(err, hallpass.ErrNotFound) { // a token that the backup does not have is dead
			return fmt.Errorf("do not serve yet: %w", err)
		}
	}
	return nil
}
