package hallpass

import (
	"context"
	"log/slog"
	"time"
)

// An ID names a token. It is public: lists, logs and audit events show it. Of a token that hallpass issued it has 20
// characters of [0-9A-Za-z], which are a part of the text that the bearer presents.
type ID string

// A Token is what is known of an access token, save its secret. It is a plain comparable value. Having one proves nothing:
// it is what [Authority.Authenticate] and [Authority.Authorize] return for this request that counts.
//
// Times are of microseconds and in UTC; "none" is the zero time.
type Token struct {
	ID         ID
	Name       string    // what the host calls it, such as the application that uses it
	Resource   Resource  // what it is bound to, without In
	Scope      Scope     // what it may do there
	CreatedBy  string    // who asked for it: opaque, the host's
	CreatedAt  time.Time // when it was issued
	RevokedAt  time.Time // when it stops, or stopped; zero: not revoked. It may lie ahead, after a rotation with overlap or where the host bounded its life
	Replaces   ID        // the token that this one was rotated from
	ReplacedBy ID        // the token that this one was rotated to; such a token is not rotated again
}

// LogValue shows the ID, name, resource and scope. There is no secret in a Token to hide.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", string(t.ID)),
		slog.String("name", t.Name),
		slog.String("resource", t.Resource.String()),
		slog.String("scope", t.Scope.String()),
	)
}

type contextKey struct{}

// NewContext returns a context that carries t, for the handlers behind a host's middleware.
func NewContext(ctx context.Context, t Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}

// FromContext returns the token that [NewContext] put into ctx, and whether there is one. Without one it returns the zero
// Token, which may do nothing.
func FromContext(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(contextKey{}).(Token)
	return t, ok
}
