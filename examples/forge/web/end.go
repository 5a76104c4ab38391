package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hallpass-go/hallpass"
)

// token returns the token that the path of r names, if it is bound to this very place: not one of another place, nor of what lies in
// this one. Of a record that was tampered with there is but its ID, and ErrTampered.
func (s *server) token(r *http.Request, p place) (hallpass.Token, error) {
	t, err := s.host.Passes.Get(r.Context(), p.resource.Identity(), hallpass.ID(r.PathValue("token")))
	if err == nil && t.Resource != p.resource.Identity() {
		return hallpass.Token{}, errMissing
	}
	return t, err
}

type endPage struct {
	place
	Token    row
	Overlaps []overlap
	Wrong    string
}

// An overlap is how long the old token goes on beside its replacement.
type overlap struct {
	Value, Text string
	Checked     bool
	length      time.Duration
}

func overlaps() []overlap {
	return []overlap{
		{"now", "At once: the token may have leaked, or nothing uses it", false, 0},
		{"1h", "After 1 hour", false, time.Hour},
		{"24h", "After 24 hours", true, 24 * time.Hour},
		{"7d", "After 7 days", false, 7 * 24 * time.Hour},
	}
}

func (s *server) confirmRotation(w http.ResponseWriter, r *http.Request, p place) error {
	t, err := s.rotatable(r, p)
	if err != nil {
		return err
	}
	return s.rotation(w, r, http.StatusOK, p, t, "")
}

func (s *server) rotation(w http.ResponseWriter, r *http.Request, status int, p place, t hallpass.Token, wrong string) error {
	return s.render(w, r, status, "rotate.html", view{
		Title:  "Rotate " + t.Name,
		Crumbs: p.crumbs("Rotate"),
		Body:   endPage{place: p, Token: newRow(t, ""), Overlaps: overlaps(), Wrong: wrong},
	})
}

// rotatable is token for one that can be rotated. What somebody else did with it meanwhile is said in words.
func (s *server) rotatable(r *http.Request, p place) (hallpass.Token, error) {
	t, err := s.token(r, p)
	switch {
	case errors.Is(err, hallpass.ErrTampered):
		return t, tampered(p)
	case err != nil:
		return t, err
	case ended(t):
		return t, stopped(p, t)
	case t.ReplacedBy != "":
		return t, &message{Status: http.StatusConflict, Title: "This token was rotated before", Back: p.Path,
			Text: fmt.Sprintf("“%s” has a replacement, %s. Rotate that one instead.", t.Name, t.ReplacedBy)}
	}
	return t, nil
}

func (s *server) rotate(w http.ResponseWriter, r *http.Request, p place) error {
	if err := parse(r); err != nil {
		return err
	}
	t, err := s.rotatable(r, p)
	if err != nil {
		return err
	}
	for _, o := range overlaps() {
		if o.Value != r.PostForm.Get("overlap") {
			continue
		}
		fresh, secret, err := s.host.Passes.Rotate(r.Context(), p.resource.Identity(), t.ID, o.length)
		if status, sentence := refusal(err); sentence != "" {
			return &message{Status: status, Title: "The token was not rotated", Text: sentence, Back: p.Path}
		}
		if errors.Is(err, hallpass.ErrConflict) {
			return stopped(p, t)
		}
		if err != nil {
			return err
		}
		s.handOver(w, r, p, fresh, secret)
		return nil
	}
	return s.rotation(w, r, http.StatusUnprocessableEntity, p, t, "Choose when the old token stops.")
}

func (s *server) confirmRevocation(w http.ResponseWriter, r *http.Request, p place) error {
	t, err := s.token(r, p)
	wrong := errors.Is(err, hallpass.ErrTampered)
	if err != nil && !wrong {
		return err
	}
	if !wrong && ended(t) {
		return stopped(p, t)
	}
	shown := newRow(t, "")
	shown.Tampered = wrong
	return s.render(w, r, http.StatusOK, "revoke.html", view{
		Title:  "Revoke " + named(t),
		Crumbs: p.crumbs("Revoke"),
		Body:   endPage{place: p, Token: shown},
	})
}

func (s *server) revoke(w http.ResponseWriter, r *http.Request, p place) error {
	t, err := s.token(r, p)
	if err != nil && !errors.Is(err, hallpass.ErrTampered) {
		return err
	}
	if err == nil && ended(t) {
		return stopped(p, t)
	}
	if err := s.host.Passes.Revoke(r.Context(), p.resource.Identity(), t.ID); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), noticeKey, named(t)+" was revoked. No request with it is allowed any more.")
	http.Redirect(w, r, p.Path, http.StatusSeeOther)
	return nil
}

// named returns what people call a token. Of a record that was tampered with there is but the ID.
func named(t hallpass.Token) string {
	if t.Name == "" {
		return "Token " + string(t.ID)
	}
	return "“" + t.Name + "”"
}

func stopped(p place, t hallpass.Token) error {
	return &message{Status: http.StatusConflict, Title: "This token has stopped already", Back: p.Path,
		Text: fmt.Sprintf("%s (%s) was revoked or rotated meanwhile, perhaps by somebody else. Nothing was changed now.", named(t), t.ID)}
}

func tampered(p place) error {
	return &message{Status: http.StatusConflict, Title: "The record of this token was changed outside hallpass", Back: p.Path,
		Text: "Nobody can say what it was meant to be, so it cannot be rotated. It is refused everywhere; revoke it and make a new one."}
}
