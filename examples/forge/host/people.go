package host

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/hallpass-go/hallpass"
)

// A Person logs in with a password, and manages tokens. A token is no person.
type Person struct{ ID, Login, Name string }

var (
	// ErrWrongPassword says that there is no such person, or that the password is not theirs.
	ErrWrongPassword = errors.New("wrong login or password")
	// ErrToken says that an access token was typed where a password belongs.
	ErrToken = errors.New("an access token is no password")
)

// passwordCost is what OWASP recommends for argon2id.
var passwordCost = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// SetPassword gives the person with this login another password, or adds them.
func (h *Host) SetPassword(ctx context.Context, login, name, password string) (Person, error) {
	digest, err := argon2id.CreateHash(password, &passwordCost)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = h.DB.QueryRowContext(ctx, `INSERT INTO people (id, login, name, password) VALUES (?, ?, ?, ?)
		ON CONFLICT (login) DO UPDATE SET password = excluded.password RETURNING id, login, name`, newID(), login, name, digest).
		Scan(&p.ID, &p.Login, &p.Name)
	return p, err
}

// LogIn returns the person with this login and password. A token in either field is ErrToken: who tries one may learn that it was
// recognized, not whether it is live. Nothing is looked up for it.
func (h *Host) LogIn(ctx context.Context, login, password string) (Person, error) {
	// A line that is pasted has space around it.
	if h.Passes.Recognizes(strings.TrimSpace(password)) || h.Passes.Recognizes(strings.TrimSpace(login)) {
		return Person{}, ErrToken
	}
	// Each comparison takes memory: two at a time are as fast as any number on a small machine, and a flood costs no more.
	select {
	case h.logins <- struct{}{}:
		defer func() { <-h.logins }()
	case <-ctx.Done():
		return Person{}, ctx.Err()
	}
	p, digest := Person{}, h.nobody // an unknown login takes as long as a known one
	err := h.DB.QueryRowContext(ctx, `SELECT id, login, name, password FROM people WHERE login = ?`, login).Scan(&p.ID, &p.Login, &p.Name, &digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Person{}, err
	}
	same, mismatch := argon2id.ComparePasswordAndHash(password, digest)
	if err != nil || mismatch != nil || !same {
		return Person{}, errors.Join(ErrWrongPassword, mismatch)
	}
	return p, nil
}

// Person returns the person with this ID, or hallpass.ErrNotFound.
func (h *Host) Person(ctx context.Context, id string) (p Person, err error) {
	err = h.DB.QueryRowContext(ctx, `SELECT id, login, name FROM people WHERE id = ?`, id).Scan(&p.ID, &p.Login, &p.Name)
	if errors.Is(err, sql.ErrNoRows) {
		return p, hallpass.ErrNotFound
	}
	return p, err
}
