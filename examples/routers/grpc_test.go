package routers_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/routers"
)

const service = "/forge.Repositories/"

// methodOf names the RPC methods of a door's operations.
var methodOf = map[string]string{"show": service + "Show", "run": service + "Run", "health": service + "Health"}

// httpOf are the HTTP statuses of codes, which gRPC and connect have in common.
var httpOf = map[codes.Code]int{codes.OK: 200, codes.Unauthenticated: 401, codes.PermissionDenied: 403, codes.NotFound: 404, codes.Unavailable: 503, codes.Internal: 500}

func dial(t *testing.T, server *grpc.Server) *grpc.ClientConn {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func openGRPC(t *testing.T, s *site) *grpc.ClientConn {
	server, err := routers.GRPC(s.Forge)
	require.NoError(t, err)
	return dial(t, server)
}

// bearing returns a context with these authorization headers.
func bearing(ctx context.Context, authorization ...string) context.Context {
	for _, value := range authorization {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	return ctx
}

func grpcDoor(t *testing.T, s *site) door {
	conn := openGRPC(t, s)
	return func(t *testing.T, operation, repository string, authorization ...string) answer {
		out := new(wrapperspb.StringValue)
		var trailer metadata.MD
		err := conn.Invoke(bearing(t.Context(), authorization...), methodOf[operation], wrapperspb.String(repository), out, grpc.Trailer(&trailer))
		if err != nil {
			return answer{httpOf[status.Code(err)], fmt.Sprint(trailer), err.Error()}
		}
		return answer{200, "", out.GetValue()}
	}
}

func TestGRPCKeepsTheRules(t *testing.T) { keepsTheRules(t, grpcDoor) }

// grpcStreamDoor does the same with streams, of one message.
func grpcStreamDoor(t *testing.T, s *site) door {
	conn := openGRPC(t, s)
	unary := grpcDoor(t, s)
	return func(t *testing.T, operation, repository string, authorization ...string) answer {
		if operation != "show" {
			return unary(t, operation, repository, authorization...)
		}
		ctx, cancel := context.WithCancel(bearing(t.Context(), authorization...))
		defer cancel()
		stream := startGRPC(t, ctx, conn, "Watch")
		sendGRPC(t, stream, repository)
		require.NoError(t, stream.CloseSend())
		text, err := receiveGRPC(stream)
		if err != nil {
			return answer{httpOf[status.Code(err)], fmt.Sprint(stream.Trailer()), err.Error()}
		}
		return answer{200, "", strings.Replace(text, "watched by", "shown to", 1)}
	}
}

func TestStreamsOfGRPCKeepTheRules(t *testing.T) { keepsTheRules(t, grpcStreamDoor) }

func startGRPC(t *testing.T, ctx context.Context, conn *grpc.ClientConn, method string) grpc.ClientStream {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+method)
	require.NoError(t, err)
	return stream
}

func sendGRPC(t *testing.T, stream grpc.ClientStream, name string) {
	// A stream that the server has ended meanwhile is EOF here. Why it ended is received.
	if err := stream.SendMsg(wrapperspb.String(name)); err != io.EOF {
		require.NoError(t, err)
	}
}

func receiveGRPC(stream grpc.ClientStream) (string, error) {
	out := new(wrapperspb.StringValue)
	err := stream.RecvMsg(out)
	return out.GetValue(), err
}

func TestARevokedTokenEndsALongStreamOfGRPC(t *testing.T) {
	s := newSite(t)
	token, header := s.issue(t, api, hallpass.RepositoryRead, hallpass.RepositoryWrite)
	conn := openGRPC(t, s)
	ctx, cancel := context.WithTimeout(bearing(t.Context(), header), 5*time.Second)
	defer cancel()

	watched, pushed := startGRPC(t, ctx, conn, "Watch"), startGRPC(t, ctx, conn, "Push")
	sendGRPC(t, watched, "acme/api")
	require.NoError(t, watched.CloseSend())
	sendGRPC(t, pushed, "acme/api")
	for range 3 {
		text, err := receiveGRPC(watched)
		require.NoError(t, err)
		assert.Equal(t, "acme/api watched by "+string(token.ID), text)
	}
	text, err := receiveGRPC(pushed)
	require.NoError(t, err)
	assert.Equal(t, "acme/api pushed by "+string(token.ID), text)

	require.NoError(t, s.passes.Revoke(t.Context(), acme, token.ID))
	sendGRPC(t, pushed, "acme/api")
	_, err = receiveGRPC(pushed)
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
	for err = nil; err == nil; {
		_, err = receiveGRPC(watched) // what was on its way
	}
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
}

func TestEachMessageOfAStreamOfGRPCIsDecidedOn(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryWrite)
	stream := startGRPC(t, bearing(t.Context(), header), openGRPC(t, s), "Push")
	sendGRPC(t, stream, "acme/api")
	_, err := receiveGRPC(stream)
	require.NoError(t, err)
	sendGRPC(t, stream, "acme/site")
	_, err = receiveGRPC(stream)
	assert.Equal(t, codes.PermissionDenied, status.Code(err))
}

// A handler that changes something for each message, and answers nothing, is given none that is not decided on.
func TestAHandlerOfGRPCReceivesNoMessageThatIsRefused(t *testing.T) {
	s := newSite(t)
	token, header := s.issue(t, api, hallpass.RepositoryWrite)
	accepted := make(chan string, 9)
	conn := bare(t, s.RPC(), nil, []grpc.StreamDesc{{StreamName: "Push", ServerStreams: true, ClientStreams: true, Handler: func(_ any, ss grpc.ServerStream) error {
		for {
			name := new(wrapperspb.StringValue)
			if err := ss.RecvMsg(name); err != nil {
				return err
			}
			accepted <- name.GetValue()
		}
	}}})
	ctx, cancel := context.WithTimeout(bearing(t.Context(), header), 5*time.Second)
	defer cancel()
	stream := startGRPC(t, ctx, conn, "Push")
	sendGRPC(t, stream, "acme/site")
	_, err := receiveGRPC(stream)
	assert.Equal(t, codes.PermissionDenied, status.Code(err))
	assert.Empty(t, accepted)

	stream = startGRPC(t, ctx, conn, "Push")
	sendGRPC(t, stream, "acme/api")
	assert.Equal(t, "acme/api", <-accepted)
	require.NoError(t, s.passes.Revoke(t.Context(), acme, token.ID))
	sendGRPC(t, stream, "acme/api")
	_, err = receiveGRPC(stream)
	assert.Equal(t, codes.Unauthenticated, status.Code(err))
	assert.Empty(t, accepted)
}

// bare returns a server with the interceptors of a table and methods of a test.
func bare(t *testing.T, rpc *routers.RPC, methods []grpc.MethodDesc, streams []grpc.StreamDesc) *grpc.ClientConn {
	server := grpc.NewServer(grpc.UnaryInterceptor(rpc.GRPCUnary), grpc.StreamInterceptor(rpc.GRPCStream))
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "forge.Repositories", HandlerType: (*any)(nil), Methods: methods, Streams: streams}, nil)
	return dial(t, server)
}

func TestAMethodOfGRPCThatIsNotInTheTableIsRefused(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, acme, hallpass.RepositoryRead)
	called := false
	conn := bare(t, s.RPC(), []grpc.MethodDesc{{MethodName: "Delete", Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		return intercept(ctx, nil, &grpc.UnaryServerInfo{FullMethod: service + "Delete"}, func(context.Context, any) (any, error) {
			called = true
			return new(wrapperspb.StringValue), nil
		})
	}}}, []grpc.StreamDesc{{StreamName: "Tail", ServerStreams: true, Handler: func(any, grpc.ServerStream) error {
		called = true
		return nil
	}}})
	ctx := bearing(t.Context(), header)
	err := conn.Invoke(ctx, service+"Delete", wrapperspb.String("acme/api"), new(wrapperspb.StringValue))
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	stream := startGRPC(t, ctx, conn, "Tail")
	require.NoError(t, stream.CloseSend())
	_, err = receiveGRPC(stream)
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	assert.False(t, called)
}

// Handlers make mistakes: one answers before it was asked, one takes a refusal for the end, one for nothing.
func TestAHandlerOfAStreamOfGRPCCannotGetAroundTheTable(t *testing.T) {
	s := newSite(t)
	_, header := s.issue(t, api, hallpass.RepositoryWrite)
	hasty := func(_ any, ss grpc.ServerStream) error {
		ss.SendMsg(wrapperspb.String("too early"))
		return nil
	}
	deaf := func(_ any, ss grpc.ServerStream) error {
		ss.RecvMsg(new(wrapperspb.StringValue))
		ss.SendMsg(wrapperspb.String("all the same"))
		return nil
	}
	stubborn := func(_ any, ss grpc.ServerStream) error {
		ss.RecvMsg(new(wrapperspb.StringValue))
		ss.RecvMsg(new(wrapperspb.StringValue))
		ss.SendMsg(wrapperspb.String("all the same"))
		return nil
	}
	for name, handler := range map[string]grpc.StreamHandler{"hasty": hasty, "deaf": deaf, "stubborn": stubborn} {
		conn := bare(t, s.RPC(), nil, []grpc.StreamDesc{{StreamName: "Push", ServerStreams: true, ClientStreams: true, Handler: handler}})
		stream := startGRPC(t, bearing(t.Context(), header), conn, "Push")
		sendGRPC(t, stream, "acme/site")
		sendGRPC(t, stream, "acme/api")
		text, err := receiveGRPC(stream)
		assert.Equal(t, codes.PermissionDenied, status.Code(err), name)
		assert.Empty(t, text, name)
	}
}

func TestAServerWhoseTableIsNotItsMethodsDoesNotStart(t *testing.T) {
	s := newSite(t)
	resource := s.RPC().Methods[service+"Show"].Resource
	served := []string{service + "Show"}
	for want, methods := range map[string]map[string]routers.Method{
		"Show is served and has no row": {},
		"Gone has a row and is not served": {
			service + "Show": {Permission: hallpass.RepositoryRead, Resource: resource}, service + "Gone": {Public: true}},
		"is public and needs something":             {service + "Show": {Permission: hallpass.RepositoryRead, Public: true}},
		`"", which is not in the catalog`:           {service + "Show": {}},
		`"repo", which is not in the catalog`:       {service + "Show": {Permission: "repo", Resource: resource}},
		"Show has no function to tell the resource": {service + "Show": {Permission: hallpass.RepositoryRead}},
	} {
		rpc := &routers.RPC{Gate: s.Gate, Methods: methods}
		assert.ErrorContains(t, rpc.Validate(served), want)
	}
	assert.NoError(t, (&routers.RPC{Gate: s.Gate, Methods: map[string]routers.Method{service + "Show": {Permission: hallpass.RepositoryRead, Resource: resource}}}).Validate(served))
	assert.Error(t, s.RPC().Validate(append(slices.Collect(maps.Keys(s.RPC().Methods)), "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")))
}

// A message of an unexpected type names nothing, and is a mistake of the host.
func TestAMessageThatNamesNothingIsRefused(t *testing.T) {
	s := newSite(t)
	_, err := s.RPC().Methods[service+"Show"].Resource(wrapperspb.Int64(1))
	assert.Equal(t, 500, bearer.StatusCode(err))
}
