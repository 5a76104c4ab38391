package git

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// refs answers the first request of a fetch and of a push, which asks what there is. The route needs RepositoryRead for both.
func (s *server) refs(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	// The whole query has one spelling. A second service could be the one that git looks at.
	switch r.URL.RawQuery {
	case "service=" + uploadPack:
	case "service=" + receivePack:
		// What a push is told is for those who may push, and better now than after the upload.
		if err := s.gate.Check(r.Context(), repository.Resource(), hallpass.RepositoryWrite); err != nil {
			s.gate.WriteError(w, r, err)
			return
		}
	default:
		errBadQuery.write(w)
		return
	}
	if r.Method == http.MethodHead {
		return // the body is all that git is needed for
	}
	s.run(w, r, repository, &call{path: "info/refs"})
}

// fetch answers what a client wants and has with a pack. Its body is read before git is started: so no bad one costs a process, and
// there still is a status to send.
func (s *server) fetch(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	encoding := r.Header.Values("Content-Encoding")
	packed := slices.Equal(encoding, []string{"gzip"})
	switch {
	case !s.acceptable(w, r, uploadPack):
		return
	case !packed && len(encoding) > 0:
		errBadEncoding.write(w)
		return
	}
	release, ok := s.acquire(w) // first, for it bounds the memory too
	if !ok {
		return
	}
	defer release()
	b := newBody(w, r, s.Patience, s.FetchSize)
	text, refused := readAll(b, packed, s.FetchSize)
	if refused != nil {
		refused.write(w)
		return
	}
	s.start(w, r, repository, &call{path: uploadPack, stdin: bytes.NewReader(text)})
}

// readAll reads a body that may be packed. It unpacks no more than the limit, whatever a few bytes claim to become.
func readAll(b *body, packed bool, limit int64) ([]byte, *refusal) {
	var from io.Reader = b
	var err error
	if packed {
		from, err = gzip.NewReader(b)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(from, limit+1))
	}
	switch refused := b.refused.Load(); {
	case refused != nil:
		return nil, refused
	case int64(len(text)) > limit:
		return nil, errTooBig
	case err != nil:
		return nil, errBadBody
	}
	return text, nil
}

// push hands a pack to git while it comes in.
func (s *server) push(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	switch {
	case !s.acceptable(w, r, receivePack):
		return
	case len(r.Header.Values("Content-Encoding")) > 0:
		// A pack is compressed already, and git packs no push again. What is unpacked has no limit that a client could see.
		errBadEncoding.write(w)
		return
	case r.ContentLength > s.PushSize:
		errTooBig.write(w)
		return
	}
	b := newBody(w, r, s.Patience, s.PushSize)
	s.run(w, r, repository, &call{path: receivePack, stdin: b, body: b})
}

// acceptable reports whether a POST is one of the protocol, or has answered it.
func (s *server) acceptable(w http.ResponseWriter, r *http.Request, service string) bool {
	switch {
	case r.URL.RawQuery != "":
		errBadQuery.write(w)
		return false
	case !slices.Equal(r.Header.Values("Content-Type"), []string{"application/x-" + service + "-request"}):
		errBadType.write(w)
		return false
	}
	return true
}

// run is start, as soon as there is a slot for it, which is now or never.
func (s *server) run(w http.ResponseWriter, r *http.Request, repository host.Repository, c *call) {
	if release, ok := s.acquire(w); ok {
		defer release()
		s.start(w, r, repository, c)
	}
}

// acquire takes one of the slots, or has answered that there is none. Nobody waits: those who wait are the next thing to be bounded.
func (s *server) acquire(w http.ResponseWriter) (release func(), ok bool) {
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, true
	default:
		errBusy.write(w)
		return nil, false
	}
}
