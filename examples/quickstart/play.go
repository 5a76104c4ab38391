package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hallpass-go/hallpass"
)

// play runs a script against a service with a database of its own, and prints it. Its error says how much was not as expected.
func play(ctx context.Context, out io.Writer, script func(*job) error) (_ *job, err error) {
	dir, err := os.MkdirTemp("", "hallpass-quickstart-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		return nil, err
	}
	events := &ledger{}
	db, err := openDatabase(ctx, filepath.Join(dir, "forge.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := newService(ctx, db, keys, events.observe)
	if err != nil {
		return nil, err
	}
	srv, err := s.start(anyPort)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()

	j := &job{
		ctx: ctx, show: newPrinter(out), service: s, url: srv.url, client: http.Client{Timeout: 30 * time.Second},
		tokens: map[string]hallpass.Token{}, reveal: map[string]func() string{"(none)": func() string { return "" }}, ledger: events,
	}
	defer j.client.CloseIdleConnections()
	err = script(j)
	if ctx.Err() != nil {
		return j, errors.New("interrupted")
	}
	if err != nil {
		return j, err
	}
	j.show.line("\nThe audit log has %s. Malformed tokens are not in it but counted: %d.", events.summary(), s.passes.Malformed())
	if j.unexpected > 0 {
		return j, fmt.Errorf("%d of %d requests and checks came out UNEXPECTED", j.unexpected, j.requests+j.checks)
	}
	j.show.line("All %d requests were answered as expected, and %d other checks hold.", j.requests, j.checks)
	return j, nil
}
