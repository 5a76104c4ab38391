package hallpass

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// An EventKind says what an [Event] tells of.
type EventKind uint8

// The kinds of event. There are no others.
const (
	Issued      EventKind = iota + 1 // a token was issued
	Rotated                          // a token was issued in the place of another, which Token.Replaces names
	Revoked                          // a token was ended
	Allowed                          // a decision was yes
	Denied                           // a decision was no, and Err says why
	Rejected                         // what was presented is no live token; Reason says why
	Unavailable                      // nothing could be decided, because the store or the key could not be asked
	Resealed                         // a record was moved to the current key
)

// String returns the name of the kind in lower case, and "" for any other value.
func (k EventKind) String() string {
	names := [...]string{"", "issued", "rotated", "revoked", "allowed", "denied", "rejected", "unavailable", "resealed"}
	if int(k) >= len(names) {
		return ""
	}
	return names[k]
}

// The reasons of a Rejected event. Tampered is an alarm: somebody wrote to the database. It is the reason of a Revoked event
// too, where what was ended was such a record.
const (
	ReasonUnknown     = "unknown"
	ReasonWrongSecret = "wrong secret"
	ReasonRevoked     = "revoked"
	ReasonTampered    = "tampered"
)

// ReasonImported is the reason of an Issued event where [Authority.Import] brought a token that another system had issued.
const ReasonImported = "imported"

// An Event tells the host what happened to a token, for its audit log. It carries no secret. What is malformed causes no
// event, so that garbage cannot flood the log; [Authority.Malformed] counts it.
type Event struct {
	Kind        EventKind
	At          time.Time
	Token       Token        // where the ID is unknown or the record cannot be trusted, its ID alone
	Resource    Resource     // of a decision: what was asked for, with its In
	Permissions []Permission // of a decision: all that was asked for
	Reason      string       // of Rejected, Revoked and Issued: one of the Reason constants, or ""
	Err         error        // what the caller was told; nil for yes
}

// LogValue shows what is set.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind.String()), slog.Time("at", e.At), slog.Any("token", e.Token)}
	if e.Resource.Kind() != 0 {
		attrs = append(attrs, slog.String("resource", e.Resource.String()))
		if in := e.Resource.Project(); e.Resource.Kind() == RepositoryKind && in != "" {
			attrs = append(attrs, slog.String("in", in))
		}
	}
	if len(e.Permissions) > 0 {
		texts := make([]string, len(e.Permissions))
		for i, p := range e.Permissions {
			texts[i] = string(p)
		}
		attrs = append(attrs, slog.String("permissions", strings.Join(texts, " ")))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", e.Reason))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// observe tells the host. Its panic changes nothing: what it is told of has happened.
func (a *Authority) observe(ctx context.Context, e Event) {
	if a.cfg.Observe == nil {
		return
	}
	defer func() { _ = recover() }()
	e.At = now()
	a.cfg.Observe(ctx, e)
}

// observeDecision is observe for Allowed and Denied. It copies more, which is the caller's.
func (a *Authority) observeDecision(ctx context.Context, t *Token, r Resource, p Permission, more []Permission, err error) {
	if a.cfg.Observe == nil {
		return
	}
	kind := Allowed
	if err != nil {
		kind = Denied
	}
	a.observe(ctx, Event{Kind: kind, Token: *t, Resource: r, Permissions: append([]Permission{p}, more...), Err: err})
}

// now is the time as hallpass keeps it.
func now() time.Time { return time.UnixMicro(time.Now().UnixMicro()).UTC() }
