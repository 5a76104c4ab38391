package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hallpass-go/hallpass"
)

// listed is how many tokens a page shows.
const listed = 100

// A row is a token as its list shows it.
type row struct {
	hallpass.Token
	By                               string
	Permissions                      []hallpass.Permission
	Used                             time.Time
	Ended, Ending, Tampered, Keyless bool
}

// State says in a word how a token stands.
func (r row) State() string {
	switch {
	case r.Tampered:
		return "tampered"
	case r.Keyless:
		return "unknown"
	case r.Ended:
		return "revoked"
	case r.Ending:
		return "ending"
	}
	return "active"
}

type listPage struct {
	place
	Rows    []row
	Revoked bool   // those that stopped are shown, too
	More    string // the next page
}

func (s *server) list(w http.ResponseWriter, r *http.Request, p place) error {
	page := listPage{place: p, Revoked: r.URL.Query().Get("revoked") == "1"}
	rows, err := s.rows(r.Context(), p, hallpass.ListOptions{
		Only:           true,
		IncludeRevoked: page.Revoked,
		After:          hallpass.ID(r.URL.Query().Get("after")),
		Limit:          listed + 1,
	})
	if errors.Is(err, hallpass.ErrInvalid) {
		return errMissing // after is no ID
	}
	if err != nil {
		return err
	}
	if len(rows) > listed {
		rows = rows[:listed]
		q := url.Values{"after": {string(rows[listed-1].ID)}}
		if page.Revoked {
			q.Set("revoked", "1")
		}
		page.More = p.Path + "?" + q.Encode()
	}
	if err := s.lastUsed(r.Context(), rows); err != nil {
		return err
	}
	// IDs are random, so that their order means nothing to people. An alarm has no time, and comes first.
	slices.SortStableFunc(rows, func(a, b row) int {
		if a.CreatedAt.IsZero() != b.CreatedAt.IsZero() {
			return a.CreatedAt.Compare(b.CreatedAt)
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	page.Rows = rows
	return s.render(w, r, http.StatusOK, "list.html", view{
		Title:  "Access tokens of " + p.Name,
		Crumbs: p.crumbs(""),
		Body:   page,
	})
}

func (s *server) rows(ctx context.Context, p place, o hallpass.ListOptions) ([]row, error) {
	rows, names := []row{}, names{}
	for t, err := range s.host.Passes.List(ctx, p.resource.Identity(), o) {
		switch {
		case err != nil && t.ID == "":
			return nil, err
		case errors.Is(err, hallpass.ErrTampered):
			rows = append(rows, row{Token: t, Tampered: true})
			continue
		case err != nil: // its key is not there
			rows = append(rows, row{Token: t, Keyless: true})
			continue
		}
		by, err := s.nameOf(ctx, names, t.CreatedBy)
		if err != nil {
			return nil, err
		}
		rows = append(rows, newRow(t, by))
	}
	return rows, nil
}

func newRow(t hallpass.Token, by string) row {
	ended := ended(t)
	return row{Token: t, By: by, Permissions: slices.Collect(t.Scope.Granted()), Ended: ended, Ending: !ended && !t.RevokedAt.IsZero()}
}

// ended reports whether a token has stopped.
func ended(t hallpass.Token) bool { return !t.RevokedAt.IsZero() && !t.RevokedAt.After(time.Now()) }

func (s *server) lastUsed(ctx context.Context, rows []row) error {
	ids := make([]hallpass.ID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	used, err := s.host.Passes.LastUsed(ctx, ids...)
	for i, r := range rows {
		rows[i].Used = used[r.ID]
	}
	return err
}

// names are the names of people by their IDs, as far as they were looked up.
type names map[string]string

// nameOf returns the name of who made a token. Who is gone, or is no person, is shown as the token has it.
func (s *server) nameOf(ctx context.Context, known names, id string) (string, error) {
	if name, ok := known[id]; ok {
		return name, nil
	}
	p, err := s.host.Person(ctx, id)
	switch {
	case errors.Is(err, hallpass.ErrNotFound):
		known[id] = id
	case err != nil:
		return "", err
	default:
		known[id] = p.Name
	}
	return known[id], nil
}
