package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/memstore"
)

// A job is a client of the service, which notes what was not answered as expected.
type job struct {
	ctx     context.Context
	show    printer
	service *service
	url     string
	client  http.Client

	tokens map[string]hallpass.Token // by the name that is shown
	reveal map[string]func() string  // what the bearer presents, by the same name

	ledger *ledger
	seen   int // how many of its events belong to requests before this one

	requests, checks, unexpected int
}

// want sends a request with the token of that name, and expects this status.
func (j *job) want(status int, name, request, note string) {
	j.send(status, nil, name, request, note, asBearer)
}

// wantGit is want in the way of git, which has a user and a password to send.
func (j *job) wantGit(status int, name, request, note string) {
	j.send(status, nil, name, request, note, func(r *http.Request, secret string) {
		r.SetBasicAuth("x-token-auth", secret)
	})
}

// wantList is want of a list, which shall have exactly these names.
func (j *job) wantList(name, request string, names ...string) {
	j.send(200, append([]string{}, names...), name, request, "", asBearer)
}

func asBearer(r *http.Request, secret string) { r.Header.Set("Authorization", "Bearer "+secret) }

// send sends a request and prints what came of it. If names is not nil, the answer shall be a list of these.
func (j *job) send(status int, names []string, name, request, note string, authorize func(r *http.Request, secret string)) {
	if j.ctx.Err() != nil {
		return // interrupted
	}
	j.requests++
	got, listed, err := j.do(name, request, authorize)
	var events []hallpass.Event
	events, j.seen = j.ledger.since(j.seen)

	why := reason(got, events)
	if err == nil && names != nil && got == http.StatusOK {
		why = "shows " + cmp.Or(strings.Join(listed, ", "), "nothing")
	}
	if note != "" {
		why += " - " + note
	}
	var mismatch string
	switch {
	case err != nil:
		mismatch = err.Error()
	case got != status:
		mismatch = fmt.Sprintf("expected %d", status)
	case names != nil && !slices.Equal(listed, names):
		mismatch = "expected " + cmp.Or(strings.Join(names, ", "), "nothing")
	}
	if mismatch != "" {
		j.unexpected++
	}
	j.show.row(request, name, got, why, mismatch)
}

// do returns the status of the answer, and the names in it if it is a list.
func (j *job) do(name, request string, authorize func(r *http.Request, secret string)) (status int, names []string, err error) {
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(j.ctx, method, j.url+"/2.0"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	reveal, ok := j.reveal[name]
	if !ok {
		return 0, nil, fmt.Errorf("no token is called %q", name)
	}
	if secret := reveal(); secret != "" {
		authorize(r, secret)
	}
	answer, err := j.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, nil, err
	}
	var l list
	if err := json.Unmarshal(body, &l); err != nil && len(body) > 0 {
		return 0, nil, fmt.Errorf("the body is no JSON: %w", err)
	}
	for _, v := range l.Values {
		names = append(names, v.Name)
	}
	return answer.StatusCode, names, nil
}

// check prints what is not seen in the answer to a request.
func (j *job) check(what string, holds bool) {
	if j.checks++; !holds {
		j.unexpected++
	}
	j.show.check(what, holds)
}

func (j *job) heading(title, rule string) { j.show.heading(title, rule) }

// did says what happens between requests. Its events belong to none of them.
func (j *job) did(what string) {
	_, j.seen = j.ledger.since(j.seen)
	j.show.line("  * %s", what)
}

// find returns the place that is called "workspace acme", "project acme/CORE" or "repository acme/api".
func (j *job) find(what string) (place, error) {
	kind, path, _ := strings.Cut(what, " ")
	workspace, name, _ := strings.Cut(path, "/")
	switch kind {
	case "repository":
		return j.service.host.repository(j.ctx, workspace, name)
	case "project":
		return j.service.host.project(j.ctx, workspace, name)
	}
	return j.service.host.workspace(j.ctx, workspace)
}

func (j *job) issue(name, what string, permissions ...hallpass.Permission) error {
	at, err := j.find(what)
	if err != nil {
		return err
	}
	token, secret, err := j.service.issue(j.ctx, name, at, permissions...)
	if err != nil {
		return err
	}
	j.tokens[name], j.reveal[name] = token, secret.Reveal
	j.show.token(token, what)
	_, j.seen = j.ledger.since(j.seen)
	return nil
}

// issueElsewhere makes a token of another forge, which looks like one of this.
func (j *job) issueElsewhere(name string) error {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		return err
	}
	passes, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys})
	if err != nil {
		return err
	}
	elsewhere := service{passes: passes}
	_, secret, err := elsewhere.issue(j.ctx, name, place{workspace: "acme"}, hallpass.RepositoryRead)
	j.reveal[name] = secret.Reveal
	return err
}

// present has want send this text for that name.
func (j *job) present(name, text string) { j.reveal[name] = func() string { return text } }

// rotate replaces a token, and returns the old one as it is then: it knows when it ends.
func (j *job) rotate(old, fresh string, overlap time.Duration) (hallpass.Token, error) {
	within, id := j.tokens[old].Resource, j.tokens[old].ID
	token, secret, err := j.service.passes.Rotate(j.ctx, within, id, overlap)
	if err != nil {
		return hallpass.Token{}, err
	}
	j.tokens[fresh], j.reveal[fresh] = token, secret.Reveal
	return j.service.passes.Get(j.ctx, within, id)
}

// verify returns the tokens whose rows were edited.
func (j *job) verify() (ids []hallpass.ID, err error) {
	for id, err := range j.service.passes.Verify(j.ctx) {
		if !errors.Is(err, hallpass.ErrTampered) {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (j *job) sleepUntil(t time.Time) {
	select {
	case <-time.After(time.Until(t) + 10*time.Millisecond): // the clock of the wall may be adjusted meanwhile
	case <-j.ctx.Done():
	}
}
