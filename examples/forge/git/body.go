package git

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// progress is how many bytes renew the patience with a client. One that sends a byte now and then would else stay forever.
const progress = 16 << 10

// A body is that of a request, as long as it is neither too big nor too slow. Only the waiting for the client counts as slow, not what
// git does in between.
type body struct {
	from     io.Reader
	control  *http.ResponseController
	patience time.Duration
	left     time.Duration // of the patience
	arrived  int           // since it was renewed
	limit    int64         // how many bytes may still come
	ended    atomic.Bool   // it is complete
	refused  atomic.Pointer[refusal]
}

func newBody(w http.ResponseWriter, r *http.Request, patience time.Duration, limit int64) *body {
	return &body{from: r.Body, control: http.NewResponseController(w), patience: patience, left: patience, limit: limit}
}

// Read reads from the client. After a refusal it reads nothing more.
func (b *body) Read(p []byte) (int, error) {
	start := time.Now()
	if err := b.control.SetReadDeadline(start.Add(b.left)); err != nil {
		return 0, b.refuse(errFailed) // who cannot be timed could stay forever
	}
	n, err := b.from.Read(p)
	b.left -= time.Since(start)
	if b.arrived += n; b.arrived >= progress {
		b.arrived, b.left = 0, b.patience
	}
	switch b.limit -= int64(n); {
	case b.limit < 0:
		return 0, b.refuse(errTooBig)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, b.refuse(errTooSlow)
	case errors.Is(err, io.EOF):
		b.ended.Store(true)
	}
	return n, err
}

// refuse says why nothing more is read, before git can notice.
func (b *body) refuse(e *refusal) error {
	b.refused.Store(e)
	return e
}
