package git

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os/exec"
	"strings"
	"time"
)

// maxHeld is how much git may say while a body comes in. It warns of what it does not like, a line for each object at most.
const maxHeld = 1 << 20

// An answer is what git says to a client. While the body of the request is still to come it is held back: a body that turns out to be
// too big needs its own status, and the server drops the rest of a body when an answer begins.
type answer struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	body     *body  // of the request, if it is still to come
	held     []byte // what was not sent yet
	begun    bool   // the status was sent
}

// from starts a command and sends what it says, until it says no more. The caller waits for the process.
func (a *answer) from(command *exec.Cmd) error {
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	text := bufio.NewReaderSize(out, 64<<10)
	kind, err := header(text)
	if err != nil {
		return err
	}
	return a.copy(text, kind)
}

// header reads the head of the answer, and returns its Content-Type. All else in it is about caches, which the gate has told what to do.
func header(text *bufio.Reader) (kind string, err error) {
	h, err := textproto.NewReader(text).ReadMIMEHeader()
	if err != nil {
		return "", fmt.Errorf("the head of the answer of git: %w", err)
	}
	if status := h.Get("Status"); status != "" && !strings.HasPrefix(status, "200 ") {
		return "", fmt.Errorf("git answers %q", status)
	}
	return h.Get("Content-Type"), nil
}

// copy sends what text has, piece by piece as it comes.
func (a *answer) copy(text io.Reader, kind string) error {
	a.w.Header().Set("Content-Type", kind)
	piece := make([]byte, 64<<10)
	for {
		n, err := text.Read(piece)
		a.held = append(a.held, piece[:n]...)
		if a.body == nil || a.body.ended.Load() {
			if err := a.send(); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case len(a.held) > maxHeld:
			a.held = nil
			return errors.New("git says too much before it has read the request")
		}
	}
}

// send sends what is held. A client that does not take it in time is as good as gone.
func (a *answer) send() error {
	if len(a.held) == 0 {
		return nil
	}
	if err := a.control.SetWriteDeadline(time.Now().Add(a.patience)); err != nil {
		return err
	}
	a.begun = true
	_, err := a.w.Write(a.held)
	a.held = a.held[:0]
	return errors.Join(err, a.control.Flush())
}

// end sends what is left, or, where git said nothing, why there is no answer. err is what went wrong: a git that says so itself is
// understood best.
func (a *answer) end(err error) {
	switch {
	case a.body != nil && a.body.refused.Load() != nil:
		a.body.refused.Load().write(a.w)
	case err != nil && !a.begun && len(a.held) == 0:
		errFailed.write(a.w)
	default:
		a.send()
	}
}
