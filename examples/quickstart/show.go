package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// A printer writes the job for people: one line for each request.
type printer struct {
	w      io.Writer
	colour bool
}

const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[1;31m"
	bold   = "\x1b[1m"
	normal = "\x1b[0m"
)

// newPrinter uses colours if w is a terminal and NO_COLOR is not set.
func newPrinter(w io.Writer) printer {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return printer{w, false}
	}
	info, err := f.Stat()
	return printer{w, err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p printer) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return colour + text + normal
}

func (p printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func (p printer) heading(title, rule string) {
	p.line("\n%s\n  %s", p.paint(bold, title), rule)
}

// token shows what a token is. It is not told the secret.
func (p printer) token(t hallpass.Token, boundTo string) {
	p.line("  %-13s %-26s %v", t.Name, boundTo, t.Scope)
}

// row shows a request and its answer. A mismatch that is not "" says what was expected.
func (p printer) row(request, token string, status int, why, mismatch string) {
	method, path, _ := strings.Cut(request, " ")
	code := p.paint(yellow, fmt.Sprint(status))
	if status < 400 {
		code = p.paint(green, fmt.Sprint(status))
	}
	p.line("  %-6s %-49s %-13s %s  %s", method, path, token, code, why)
	if mismatch != "" {
		p.line("  %s", p.paint(red, "^ UNEXPECTED: "+mismatch))
	}
}

func (p printer) check(what string, holds bool) {
	if holds {
		p.line("  * %s: %s", what, p.paint(green, "yes"))
		return
	}
	p.line("  * %s: %s", what, p.paint(red, "UNEXPECTED: no"))
}

// reason says why a request was answered as it was, by its audit events. The client is told less: of a bad token only that it
// is bad.
func reason(status int, events []hallpass.Event) string {
	if status == http.StatusNotFound {
		return "not there"
	}
	for _, e := range events {
		switch e.Kind {
		case hallpass.Allowed:
			return "has " + held(e)
		case hallpass.Denied:
			return missing(e.Err)
		case hallpass.Rejected:
			return e.Reason
		case hallpass.Unavailable:
			return "unavailable"
		}
	}
	return "nothing that could be a token" // which causes no event
}

// held names the permissions that a request needed, and whether the token has them by what it was issued with or by what that implies.
func held(e hallpass.Event) string {
	granted := slices.Collect(e.Token.Scope.Granted())
	var texts []string
	for _, p := range e.Permissions {
		if slices.Contains(granted, p) {
			texts = append(texts, string(p))
		} else {
			texts = append(texts, string(p)+" (implied)")
		}
	}
	return strings.Join(texts, ", ")
}

// missing says what a token lacked.
func missing(err error) string {
	denied, ok := errors.AsType[*hallpass.DeniedError](err)
	if !ok {
		return err.Error()
	}
	var texts []string
	if denied.OutOfReach {
		texts = append(texts, "out of reach")
	}
	for _, p := range denied.Missing {
		texts = append(texts, "lacks "+string(p))
	}
	return strings.Join(texts, ", ")
}
