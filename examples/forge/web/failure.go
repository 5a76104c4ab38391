package web

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A message is an error that a person is told of in words. It shows nothing of its cause.
type message struct {
	Status int
	Title  string
	Text   string
	Back   string // the list of tokens to go back to; "": home
}

func (m *message) Error() string { return m.Title }

var (
	errMissing = &message{Status: http.StatusNotFound, Title: "There is nothing here",
		Text: "The page does not exist, or it is for people with another role."}
	errForeign = &message{Status: http.StatusForbidden, Title: "This request came from another site",
		Text: "Forms are taken from the forge's own pages only. If you meant to do this, open the page here and send the form again."}
	errTooLarge = &message{Status: http.StatusRequestEntityTooLarge, Title: "That is too much",
		Text: "The form is larger than any that this page has. Nothing was changed."}
	errUnreadable = &message{Status: http.StatusBadRequest, Title: "The form could not be read",
		Text: "Nothing was changed. Please go back and send it again."}
	errUnavailable = &message{Status: http.StatusServiceUnavailable, Title: "The forge cannot answer just now",
		Text: "Something that it depends on does not respond. Try again in a moment. If you were making or revoking a token, look at the list first: it may have been done."}
	errBroken = &message{Status: http.StatusInternalServerError, Title: "Something went wrong",
		Text: "The fault is ours and was written to the log. Please try again."}
)

// fail answers with an error page. The cause goes to the log, and only there.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	m, ok := errors.AsType[*message](err)
	if !ok {
		switch bearer.StatusCode(err) {
		case http.StatusNotFound:
			m = errMissing
		case http.StatusServiceUnavailable:
			m = errUnavailable
		default:
			m = errBroken
		}
	}
	if m.Status >= http.StatusInternalServerError {
		slog.ErrorContext(r.Context(), "a page failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if m.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	if err := s.render(w, r, m.Status, "message.html", view{Title: m.Title, Body: m}); err != nil {
		slog.ErrorContext(r.Context(), "an error page failed", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// refusal says in words why a token was not made, and with which status; "" if err is none of that.
func refusal(err error) (status int, sentence string) {
	switch {
	case errors.Is(err, hallpass.ErrUnavailable): // first: nothing was decided, whatever else it wraps
		return 0, ""
	case errors.Is(err, host.ErrPremium):
		return http.StatusForbidden, "Project and workspace tokens are part of the premium plan, and this workspace is on the free one."
	case errors.Is(err, host.ErrNotAdmin):
		return http.StatusForbidden, "You are no administrator here any more. Only administrators make tokens."
	case errors.Is(err, host.ErrGone):
		return http.StatusNotFound, "This was deleted meanwhile, so no token can be made for it."
	case errors.Is(err, hallpass.ErrInvalid):
		return http.StatusUnprocessableEntity, "A token like this cannot be made. Please check the name and the permissions."
	}
	return 0, ""
}
