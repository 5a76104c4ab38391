package api

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// maxBody is how many bytes a request may have.
const maxBody = 64 << 10

// decode reads the body of a request: one JSON value, with no field that is not known, for a typing error in the name of a field must not
// look like its absence.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody+1))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if d.InputOffset() > maxBody {
			return bearer.BadRequest("the body is too long: it has at most 65536 bytes")
		}
		return bearer.BadRequest("the body is not the JSON object that this route takes: " + err.Error())
	}
	if _, err := d.Token(); err != io.EOF {
		return bearer.BadRequest("the body goes on after its JSON object")
	}
	return nil
}

// fail answers a request that was let through and failed all the same, or that a second decision refused.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, host.ErrBadName), errors.Is(err, host.ErrTooLarge):
		err = bearer.BadRequest(err.Error())
	case errors.Is(err, hallpass.ErrConflict):
		answer(w, http.StatusConflict, map[string]any{"type": "error", "error": map[string]string{"message": err.Error()}})
		return
	}
	if bearer.StatusCode(err) >= 500 {
		// WriteError shows nothing of it.
		slog.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	a.gate.WriteError(w, r, err)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // to a client that is gone nothing can be told
}

// answerList answers with what is shown of each, in the manner of Bitbucket. Nothing is an empty list.
func answerList[T, S any](w http.ResponseWriter, all []T, show func(T) S) {
	values := make([]S, 0, len(all))
	for _, one := range all {
		values = append(values, show(one))
	}
	answer(w, http.StatusOK, map[string]any{"values": values, "size": len(values)})
}
