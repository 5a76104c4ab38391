package routers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/routers"
)

type text = wrapperspb.StringValue

func serveConnect(t *testing.T, handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true // which streams in both directions need
	var logged bytes.Buffer
	server.Config.ErrorLog = log.New(&logged, "", 0)
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		assert.NotContains(t, logged.String(), "invalid trailer", "whoever is refused could fill the log")
	})
	return server
}

func openConnect(t *testing.T, s *site) *httptest.Server {
	handler, err := routers.Connect(s.Forge)
	require.NoError(t, err)
	return serveConnect(t, handler)
}

func connectClient(server *httptest.Server, method string, options ...connect.ClientOption) *connect.Client[text, text] {
	return connect.NewClient[text, text](server.Client(), server.URL+method, options...)
}

func sendConnect(t *testing.T, stream *connect.BidiStreamForClient[text, text], name string) {
	// A stream that the server has ended meanwhile is EOF here. Why it ended is received.
	if err := stream.Send(wrapperspb.String(name)); !errors.Is(err, io.EOF) {
		require.NoError(t, err)
	}
}

// refusal returns what a client of connect sees of an error.
func refusal(t *testing.T, err error) answer {
	refused, ok := errors.AsType[*connect.Error](err)
	require.True(t, ok, "%v", err)
	meta := refused.Meta().Clone()
	for name := range meta {
		switch name {
		case "Www-Authenticate", "Retry-After", "Cache-Control", "Vary":
		default:
			meta.Del(name)
		}
	}
	return answer{httpOf[codes.Code(refused.Code())], fmt.Sprint(meta), refused.Message()}
}

func connectDoor(options ...connect.ClientOption) func(t *testing.T, s *site) door {
	return func(t *testing.T, s *site) door {
		server := openConnect(t, s)
		return func(t *testing.T, operation, repository string, authorization ...string) answer {
			r := connect.NewRequest(wrapperspb.String(repository))
			r.Header()["Authorization"] = authorization
			got, err := connectClient(server, methodOf[operation], options...).CallUnary(t.Context(), r)
			if err != nil {
				return refusal(t, err)
			}
			if operation != "health" {
				assert.Equal(t, "no-store", got.Header().Get("Cache-Control"))
			}
			return answer{200, "", got.Msg.GetValue()}
		}
	}
}

func TestConnectKeepsTheRules(t *testing.T)         { keepsTheRules(t, connectDoor()) }
func TestConnectKeepsThemAsGRPC(t *testing.T)       { keepsTheRules(t, connectDoor(connect.WithGRPC())) }
func TestStreamsOfConnectKeepTheRules(t *testing.T) { keepsTheRules(t, connectStreamDoor) }

// connectStreamDoor does the same with streams, of one message.
func connectStreamDoor(t *testing.T, s *site) door {
	server, unary := openConnect(t, s), connectDoor()(t, s)
	return func(t *testing.T, operation, repository string, authorization ...string) answer {
		if operation != "show" {
			return unary(t, operation, repository, authorization...)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := connect.NewRequest(wrapperspb.String(repository))
		r.Header()["Authorization"] = authorization
		stream, err := connectClient(server, service+"Watch").CallServerStream(ctx, r)
		require.NoError(t, err)
		if !stream.Receive() {
			return refusal(t, stream.Err())
		}
		return answer{200, "", strings.Replace(stream.Msg().GetValue(), "watched by", "shown to", 1)}
	}
}

func TestARefusalOfConnectHasTheChallengeAsMetadata(t *testing.T) {
	s := newSite(t)
	call := connectDoor()(t, s)
	_, header := s.issue(t, api, hallpass.RepositoryRead)
	assert.Contains(t, call(t, "show", "acme/api").header, `Www-Authenticate:[Bearer realm="forge"]`)
	assert.Contains(t, call(t, "show", "acme/api", "Bearer garbage").header, `Bearer realm="forge", error="invalid_token"`)
	assert.Contains(t, call(t, "run", "acme/api", header).header, `error="insufficient_scope", scope="pipeline:write"`)
	s.down.Store(true)
	got := call(t, "show", "acme/api", header)
	assert.Contains(t, got.header, "Retry-After:[5]")
	assert.Contains(t, got.header, "Cache-Control:[no-store]")
	assert.NotContains(t, got.header, "Authenticate")
}

func TestARevokedTokenEndsALongStreamOfConnect(t *testing.T) {
	s := newSite(t)
	token, header := s.issue(t, api, hallpass.RepositoryRead, hallpass.RepositoryWrite)
	server := openConnect(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()

	r := connect.NewRequest(wrapperspb.String("acme/api"))
	r.Header().Set("Authorization", header)
	watched, err := connectClient(server, service+"Watch").CallServerStream(ctx, r)
	require.NoError(t, err)
	pushed := connectClient(server, service+"Push").CallBidiStream(ctx)
	pushed.RequestHeader().Set("Authorization", header)
	sendConnect(t, pushed, "acme/api")
	for range 3 {
		require.True(t, watched.Receive())
		assert.Equal(t, "acme/api watched by "+string(token.ID), watched.Msg().GetValue())
	}
	got, err := pushed.Receive()
	require.NoError(t, err)
	assert.Equal(t, "acme/api pushed by "+string(token.ID), got.GetValue())

	require.NoError(t, s.passes.Revoke(t.Context(), acme, token.ID))
	sendConnect(t, pushed, "acme/api")
	_, err = pushed.Receive()
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "%v", err)
	for watched.Receive() {
	}
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(watched.Err()))
	refused, ok := errors.AsType[*connect.Error](watched.Err())
	require.True(t, ok)
	assert.Equal(t, `Bearer realm="forge", error="invalid_token"`, refused.Meta().Get("WWW-Authenticate"))
}

func TestEachMessageOfAStreamOfConnectIsDecidedOn(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryWrite)
	stream := connectClient(openConnect(t, s), service+"Push").CallBidiStream(t.Context())
	stream.RequestHeader().Set("Authorization", header)
	sendConnect(t, stream, "acme/api")
	_, err := stream.Receive()
	require.NoError(t, err)
	sendConnect(t, stream, "acme/site")
	_, err = stream.Receive()
	assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err))
}

// A handler that changes something for each message, and answers nothing, is given none that is not decided on.
func TestAHandlerOfConnectReceivesNoMessageThatIsRefused(t *testing.T) {
	s := newSite(t)
	token, header := s.issue(t, api, hallpass.RepositoryWrite)
	accepted := make(chan string, 9)
	server := serveConnect(t, connect.NewBidiStreamHandler(service+"Push", func(_ context.Context, stream *connect.BidiStream[text, text]) error {
		for {
			name, err := stream.Receive()
			if err != nil {
				return err
			}
			accepted <- name.GetValue()
		}
	}, connect.WithInterceptors(s.RPC().ConnectInterceptor())))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	start := func() *connect.BidiStreamForClient[text, text] {
		stream := connectClient(server, service+"Push").CallBidiStream(ctx)
		stream.RequestHeader().Set("Authorization", header)
		return stream
	}
	stream := start()
	sendConnect(t, stream, "acme/site")
	_, err := stream.Receive()
	assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err))
	assert.Empty(t, accepted)

	stream = start()
	sendConnect(t, stream, "acme/api")
	assert.Equal(t, "acme/api", <-accepted)
	require.NoError(t, s.passes.Revoke(t.Context(), acme, token.ID))
	sendConnect(t, stream, "acme/api")
	_, err = stream.Receive()
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))
	assert.Empty(t, accepted)
}

func TestAMethodOfConnectThatIsNotInTheTableIsRefused(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, acme, hallpass.RepositoryRead)
	called := false
	guard := connect.WithInterceptors(s.RPC().ConnectInterceptor())
	mux := http.NewServeMux()
	mux.Handle(service+"Delete", connect.NewUnaryHandler(service+"Delete", func(context.Context, *connect.Request[text]) (*connect.Response[text], error) {
		called = true
		return connect.NewResponse(new(text)), nil
	}, guard))
	mux.Handle(service+"Tail", connect.NewServerStreamHandler(service+"Tail", func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error {
		called = true
		return nil
	}, guard))
	server := serveConnect(t, mux)
	r := connect.NewRequest(wrapperspb.String("acme/api"))
	r.Header().Set("Authorization", header)
	_, err := connectClient(server, service+"Delete").CallUnary(t.Context(), r)
	assert.Equal(t, connect.CodeUnimplemented, connect.CodeOf(err))
	stream, err := connectClient(server, service+"Tail").CallServerStream(t.Context(), r)
	require.NoError(t, err)
	assert.False(t, stream.Receive())
	assert.Equal(t, connect.CodeUnimplemented, connect.CodeOf(stream.Err()))
	assert.False(t, called)
}

// Handlers make mistakes: one answers before it was asked, one takes a refusal for the end, one for nothing.
func TestAHandlerOfAStreamOfConnectCannotGetAroundTheTable(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryWrite)
	for name, handler := range map[string]func(context.Context, *connect.BidiStream[text, text]) error{
		"hasty": func(_ context.Context, stream *connect.BidiStream[text, text]) error {
			stream.Send(wrapperspb.String("too early"))
			return nil
		},
		"deaf": func(_ context.Context, stream *connect.BidiStream[text, text]) error {
			stream.Receive()
			stream.Send(wrapperspb.String("all the same"))
			return nil
		},
		"stubborn": func(_ context.Context, stream *connect.BidiStream[text, text]) error {
			stream.Receive()
			stream.Receive()
			stream.Send(wrapperspb.String("all the same"))
			return nil
		},
	} {
		server := serveConnect(t, connect.NewBidiStreamHandler(service+"Push", handler, connect.WithInterceptors(s.RPC().ConnectInterceptor())))
		stream := connectClient(server, service+"Push").CallBidiStream(t.Context())
		stream.RequestHeader().Set("Authorization", header)
		sendConnect(t, stream, "acme/site")
		sendConnect(t, stream, "acme/api")
		got, err := stream.Receive()
		assert.Equal(t, connect.CodePermissionDenied, connect.CodeOf(err), name)
		assert.Empty(t, got.GetValue(), name)
	}
}

// A client that has the interceptor too, such as a service that calls another, is left alone.
func TestTheInterceptorOfConnectLeavesClientsAlone(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryRead)
	server := openConnect(t, s)
	r := connect.NewRequest(wrapperspb.String("acme/api"))
	r.Header().Set("Authorization", header)
	other := &routers.RPC{Gate: routers.NewForge(exampleAuthority()).Gate}
	_, err := connectClient(server, service+"Show", connect.WithInterceptors(other.ConnectInterceptor())).CallUnary(t.Context(), r)
	assert.NoError(t, err)
}
