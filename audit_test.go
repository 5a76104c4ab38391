package hallpass_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestADecisionIsTold(t *testing.T) {
	a, l := observed(t, nil)
	token, text := issue(t, a, core, hallpass.RepositoryRead)
	l.take()
	before := time.Now()
	more := []hallpass.Permission{hallpass.RepositoryRead}

	_, err := a.Authorize(t.Context(), text, api.In("core"), hallpass.RepositoryRead, more...)
	require.NoError(t, err)
	more[0] = hallpass.TokenAdmin // the caller's list is the caller's
	e := l.one(t)
	assert.WithinDuration(t, before, e.At, time.Minute)
	assert.Equal(t, time.UTC, e.At.Location())
	e.At = time.Time{}
	assert.Equal(t, hallpass.Event{Kind: hallpass.Allowed, Token: token, Resource: api.In("core"), Permissions: []hallpass.Permission{"repository", "repository"}}, e)

	for _, ask := range []func() error{
		func() error { _, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryWrite); return err },
		func() error { return a.Decide(t.Context(), token, api, hallpass.RepositoryWrite) },
	} {
		err = ask()
		require.ErrorIs(t, err, hallpass.ErrDenied)
		e = l.one(t)
		e.At = time.Time{}
		assert.Equal(t, hallpass.Event{Kind: hallpass.Denied, Token: token, Resource: api, Permissions: []hallpass.Permission{"repository:write"}, Err: err}, e)
	}
	require.NoError(t, a.Decide(t.Context(), token, core, hallpass.RepositoryRead))
	assert.Equal(t, hallpass.Allowed, l.one(t).Kind)
	err = a.Decide(t.Context(), token, core, "unknown")
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	assert.Equal(t, hallpass.Denied, l.one(t).Kind)

	_, err = a.Authenticate(t.Context(), text)
	require.NoError(t, err)
	assert.Empty(t, l.take(), "who somebody is, is no decision")
}

// Every reason is one error to the caller. The event tells them apart.
func TestRejectionsAreOneErrorAndFourReasons(t *testing.T) {
	store := memstore.New()
	a, l := observed(t, store)
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	revoked, revokedText := issue(t, a, api, hallpass.RepositoryRead)
	require.NoError(t, a.Revoke(t.Context(), acme, revoked.ID))
	tampered, tamperedText := issue(t, a, api, hallpass.RepositoryRead)
	edit(t, store, tampered.ID, func(r *hallpass.Record) { r.Extra = "x" })
	revoked, err := a.Get(t.Context(), acme, revoked.ID)
	require.NoError(t, err)
	l.take()
	unknown := withChecksum("hp_" + strings.Repeat("Z", 55))
	for presented, want := range map[string]hallpass.Event{
		unknown:                              {Reason: hallpass.ReasonUnknown, Token: hallpass.Token{ID: hallpass.ID(strings.Repeat("Z", 20))}},
		withChecksum(text[:57] + "!"):        {},
		withChecksum(text[:50] + "12345678"): {Reason: hallpass.ReasonWrongSecret, Token: token},
		revokedText:                          {Reason: hallpass.ReasonRevoked, Token: revoked},
		tamperedText:                         {Reason: hallpass.ReasonTampered, Token: hallpass.Token{ID: tampered.ID}},
	} {
		_, err := a.Authorize(t.Context(), presented, api, hallpass.RepositoryRead)
		assert.True(t, err == hallpass.ErrUnauthenticated, "one value")
		if want.Reason == "" {
			assert.Empty(t, l.take())
			continue
		}
		got := l.one(t)
		got.At = time.Time{}
		want.Kind, want.Err = hallpass.Rejected, hallpass.ErrUnauthenticated
		assert.Equal(t, want, got)
	}
}

// What Observe does changes nothing: it is told after the fact.
func TestAPanicOfObserveChangesNothing(t *testing.T) {
	told := 0
	a := hallpasstest.With(t, hallpass.Config{Observe: func(context.Context, hallpass.Event) { told++; panic("audit") }})
	token, text := issue(t, a, api, hallpass.RepositoryRead)
	_, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
	assert.NoError(t, err)
	_, err = a.Authorize(t.Context(), text, api, hallpass.RepositoryWrite)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	_, _, err = a.Rotate(t.Context(), acme, token.ID, 0)
	assert.NoError(t, err)
	_, err = a.Authenticate(t.Context(), text)
	assert.Equal(t, hallpass.ErrUnauthenticated, err)
	n, err := a.RevokeAll(t.Context(), acme)
	assert.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, 6, told)
}

func TestAnEventInALog(t *testing.T) {
	scope, err := hallpass.Bitbucket().Scope(hallpass.RepositoryRead)
	require.NoError(t, err)
	token := hallpass.Token{ID: "id", Name: "deploy job", Resource: core, Scope: scope, CreatedBy: "user-1"}
	text := func(e hallpass.Event) string {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		}})).Info("x", "e", e)
		return strings.TrimSpace(b.String())
	}
	shown := `e.kind=denied e.at=0001-01-01T00:00:00.000Z e.token.id=id e.token.name="deploy job" e.token.resource=project:acme/core e.token.scope=repository`
	assert.Equal(t, shown+` e.resource=repository:acme/api e.in=core e.permissions="webhook runner" e.error="hallpass: denied"`,
		text(hallpass.Event{Kind: hallpass.Denied, Token: token, Resource: api.In("core"), Permissions: []hallpass.Permission{"webhook", "runner"}, Err: hallpass.ErrDenied}))
	assert.Equal(t, strings.Replace(shown, "denied", "rejected", 1)+` e.reason=revoked`, text(hallpass.Event{Kind: hallpass.Rejected, Token: token, Reason: hallpass.ReasonRevoked}))
	assert.Contains(t, text(hallpass.Event{Kind: hallpass.Denied, Resource: core}), "e.resource=project:acme/core")
	assert.NotContains(t, text(hallpass.Event{Kind: hallpass.Denied, Resource: core}), "e.in=")

	var kinds []string
	for k := range hallpass.EventKind(10) {
		kinds = append(kinds, k.String())
	}
	assert.Equal(t, []string{"", "issued", "rotated", "revoked", "allowed", "denied", "rejected", "unavailable", "resealed", ""}, kinds)
}

func TestATokenTravelsInAContext(t *testing.T) {
	token, ok := hallpass.FromContext(t.Context())
	assert.False(t, ok)
	assert.Zero(t, token)
	want := hallpass.Token{ID: "id", Resource: api}
	token, ok = hallpass.FromContext(hallpass.NewContext(t.Context(), want))
	assert.True(t, ok)
	assert.True(t, token == want)
}

func TestADecisionOnATokenThatHasEndedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, l := observed(t, nil)
		g := grant(api, hallpass.RepositoryRead)
		g.RevokeAt = time.Now().Add(time.Second)
		token, secret, err := a.Issue(t.Context(), g)
		require.NoError(t, err)
		time.Sleep(time.Second)
		l.take()
		require.Equal(t, hallpass.ErrUnauthenticated, a.Decide(t.Context(), token, api, hallpass.RepositoryRead))
		e := l.one(t)
		assert.Equal(t, hallpass.Rejected, e.Kind)
		assert.Equal(t, hallpass.ReasonRevoked, e.Reason)
		assert.True(t, e.Token == token)

		// Who does not have its secret is told apart from who has it.
		text := secret.Reveal()
		_, err = a.Authenticate(t.Context(), withChecksum(text[:50]+"00000000"))
		require.Equal(t, hallpass.ErrUnauthenticated, err)
		assert.Equal(t, hallpass.ReasonWrongSecret, l.one(t).Reason)
	})
}

// An audit log may keep its events for long, and the secret must not stay in memory for that.
func TestNoEventSharesMemoryWithTheSecret(t *testing.T) {
	store := &hooked{Store: memstore.New()}
	a, l := observed(t, store)
	_, text := issue(t, a, api, hallpass.RepositoryRead)
	l.take()
	store.get = func(context.Context, hallpass.ID) (*hallpass.Record, error) { return nil, errors.New("gone") }
	_, err := a.Authenticate(t.Context(), text)
	require.ErrorIs(t, err, hallpass.ErrUnavailable)
	e := l.one(t)
	assert.Equal(t, hallpass.Unavailable, e.Kind)
	assert.Equal(t, text[3:23], string(e.Token.ID))
	assert.False(t, within(string(e.Token.ID), text))
}

// Decide asks for every permission, as Authorize does.
func TestDecideAsksForEveryPermission(t *testing.T) {
	a, l := observed(t, nil)
	token, _ := issue(t, a, api, hallpass.RepositoryRead)
	l.take()
	err := a.Decide(t.Context(), token, api, hallpass.RepositoryRead, hallpass.RepositoryRead, hallpass.RepositoryWrite)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	e := l.one(t)
	assert.Equal(t, hallpass.Denied, e.Kind)
	assert.Equal(t, []hallpass.Permission{"repository", "repository", "repository:write"}, e.Permissions)
}
