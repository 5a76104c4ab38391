package web

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

const (
	sessionLife = 12 * time.Hour
	sessionIdle = 2 * time.Hour

	personKey = "person" // the ID of the person of the session
	noticeKey = "notice" // a sentence that the next page shows
)

// newSessions does without scs.New, which starts a store in memory and a goroutine that nothing stops for sure.
func (s *server) newSessions() *scs.SessionManager {
	m := &scs.SessionManager{
		Store:            s.store,
		HashTokenInStore: true, // who reads the database has nobody's session
		Lifetime:         sessionLife,
		IdleTimeout:      sessionIdle,
		Codec:            scs.GobCodec{},
		Cookie: scs.SessionCookie{
			Name:     "forge_session",
			Path:     "/",
			HttpOnly: true,
			SameSite: http.SameSiteLaxMode,
			Secure:   s.options.Secure,
		},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			s.fail(w, r, errors.Join(hallpass.ErrUnavailable, err))
		},
	}
	if m.Cookie.Secure {
		m.Cookie.Name = "__Host-forge_session" // which browsers take from this very server over TLS alone
	}
	return m
}

// withPerson puts the person of the session into the context. Nothing else in the forge does.
func (s *server) withPerson(next http.Handler) http.Handler {
	return s.page(func(w http.ResponseWriter, r *http.Request) error {
		id := s.sessions.GetString(r.Context(), personKey)
		if id == "" {
			next.ServeHTTP(w, r)
			return nil
		}
		p, err := s.host.Person(r.Context(), id)
		if errors.Is(err, hallpass.ErrNotFound) { // who is deleted is logged out
			if err := s.sessions.Destroy(r.Context()); err != nil {
				return err
			}
			next.ServeHTTP(w, r)
			return nil
		}
		if err != nil {
			return err
		}
		next.ServeHTTP(w, r.WithContext(host.WithPerson(r.Context(), p)))
		return nil
	})
}

// A sessionStore keeps sessions in the forge's database.
type sessionStore struct{ db *sql.DB }

var _ scs.CtxStore = (*sessionStore)(nil)

func (s *sessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT data FROM sessions WHERE token = ? AND expiry > ? AND data <> x''`, token, time.Now().Unix()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx never brings back a session that was ended: a request that began before the end commits after it.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO sessions (token, data, expiry) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET data = excluded.data, expiry = excluded.expiry WHERE data <> x''`, token, data, expiry.Unix())
	return err
}

// DeleteCtx ends a session. The empty row stays until it expires, for CommitCtx to see.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE sessions SET data = x'' WHERE token = ?`, token)
	return err
}

func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s *sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

func (s *sessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}

// sweep drops what has expired. Each login does it: only logins add rows.
func (s *sessionStore) sweep(ctx context.Context) {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM sessions WHERE expiry <= ?`, time.Now().Unix()); err != nil {
		slog.WarnContext(ctx, "old sessions were not dropped", "error", err)
	}
}
