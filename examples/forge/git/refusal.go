package git

import (
	"io"
	"net/http"
)

// A refusal is an answer other than those of the gate. It is text/plain, for git shows its user no other.
type refusal struct {
	status   int
	sentence string
}

var (
	errBadQuery    = &refusal{http.StatusBadRequest, "This server speaks the smart protocol of git only: info/refs takes one parameter, service, and nothing else takes any."}
	errBadBody     = &refusal{http.StatusBadRequest, "The body of this request cannot be read."}
	errTooSlow     = &refusal{http.StatusRequestTimeout, "The body of this request came too slowly."}
	errTooBig      = &refusal{http.StatusRequestEntityTooLarge, "The body of this request is too big: push less at a time."}
	errBadType     = &refusal{http.StatusUnsupportedMediaType, "The Content-Type of this request is not the one that git sends."}
	errBadEncoding = &refusal{http.StatusUnsupportedMediaType, "The Content-Encoding of this request is not accepted here."}
	errFailed      = &refusal{http.StatusInternalServerError, "The repository could not be served."}
	errBusy        = &refusal{http.StatusServiceUnavailable, "Too many requests of git are running: try again in a few seconds."}
)

// write answers. The gate has forbidden caches to store it.
func (e *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close") // or else the server waits for the rest of a body that nobody wants
	if e.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(e.status)
	io.WriteString(w, e.sentence+"\n")
}

// Error returns the sentence.
func (e *refusal) Error() string { return e.sentence }
