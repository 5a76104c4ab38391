package routers

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"connectrpc.com/connect"

	"github.com/hallpass-go/hallpass/bearer"
)

// ConnectInterceptor returns the interceptor that checks what c says, for connect.WithInterceptors of every handler. It leaves clients alone.
func (c *RPC) ConnectInterceptor() connect.Interceptor { return connectInterceptor{c} }

type connectInterceptor struct{ rpc *RPC }

func (i connectInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		m, ok := i.rpc.Methods[r.Spec().Procedure]
		if r.Spec().IsClient || m.Public {
			return next(ctx, r)
		}
		if !ok {
			return nil, i.refuse(errNoRow, r, r.Header())
		}
		ctx, err := i.rpc.admit(ctx, r.Header().Values("Authorization"))
		if err == nil {
			err = i.rpc.decide(ctx, m, r.Any())
		}
		if err != nil {
			return nil, i.refuse(err, r, r.Header())
		}
		answer, err := next(ctx, r)
		if err == nil {
			answer.Header().Set("Cache-Control", "no-store")
		}
		return answer, err
	}
}

// WrapStreamingHandler is for the others. A handler is called once the token was found good, and nothing is decided before it
// receives a message: it must change nothing until then.
func (i connectInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		m, ok := i.rpc.Methods[conn.Spec().Procedure]
		if !ok {
			return i.refuse(errNoRow, conn, conn.RequestHeader())
		}
		if m.Public {
			return next(ctx, conn)
		}
		ctx, err := i.rpc.admit(ctx, conn.RequestHeader().Values("Authorization"))
		if err != nil {
			return i.refuse(err, conn, conn.RequestHeader())
		}
		checked := &connectStream{StreamingHandlerConn: conn, checks: &stream{rpc: i.rpc, ctx: ctx, method: m}}
		err = next(ctx, checked)
		if refused := checked.checks.refusal(); refused != nil {
			return i.refuse(refused, conn, conn.RequestHeader())
		}
		return err
	}
}

func (i connectInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// A connectStream checks each message. What it returns of a refusal ends the handler; the interceptor answers.
type connectStream struct {
	connect.StreamingHandlerConn
	checks *stream
}

func (s *connectStream) Receive(message any) error {
	if err := s.StreamingHandlerConn.Receive(message); err != nil {
		return err
	}
	return s.checks.received(message)
}

func (s *connectStream) Send(message any) error {
	if err := s.checks.sending(); err != nil {
		return err
	}
	return s.StreamingHandlerConn.Send(message)
}

// A connectCall is a request with one message or a stream.
type connectCall interface {
	Spec() connect.Spec
	Peer() connect.Peer
}

// refuse returns what a client sees of err, with the headers of an answer of package bearer, such as WWW-Authenticate, as metadata.
func (i connectInterceptor) refuse(err error, call connectCall, header http.Header) error {
	if err == errNoRow {
		return connect.NewError(connect.CodeUnimplemented, errors.New("unknown method"))
	}
	code := connect.CodeInternal
	switch bearer.StatusCode(err) {
	case http.StatusUnauthorized:
		code = connect.CodeUnauthenticated
	case http.StatusForbidden:
		code = connect.CodePermissionDenied
	case http.StatusNotFound:
		code = connect.CodeNotFound
	case http.StatusServiceUnavailable:
		code = connect.CodeUnavailable
	}
	refused := connect.NewError(code, errors.New(sentence(err)))
	if call.Peer().Protocol != connect.ProtocolConnect {
		return refused // to gRPC these would go as trailers, which HTTP forbids them to be
	}
	answer := headerOnly{}
	i.rpc.Gate.WriteError(answer, &http.Request{Header: header, URL: &url.URL{Path: call.Spec().Procedure}}, err)
	for _, name := range []string{"Www-Authenticate", "Retry-After", "Cache-Control", "Vary"} {
		for _, value := range http.Header(answer).Values(name) {
			refused.Meta().Add(name, value)
		}
	}
	return refused
}

// headerOnly is a ResponseWriter that keeps the header and drops the rest.
type headerOnly http.Header

func (h headerOnly) Header() http.Header       { return http.Header(h) }
func (headerOnly) WriteHeader(int)             {}
func (headerOnly) Write(p []byte) (int, error) { return len(p), nil }
