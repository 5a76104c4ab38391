package routers

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/hallpass-go/hallpass/bearer"
)

// GRPC returns the forge as a gRPC server, or an error if a method has no row in the table.
func GRPC(f *Forge) (*grpc.Server, error) {
	checks := f.RPC()
	server := grpc.NewServer(grpc.UnaryInterceptor(checks.GRPCUnary), grpc.StreamInterceptor(checks.GRPCStream))
	registerForge(server)
	// After the last service: what is registered later has no row, and is refused when it is called.
	if err := checks.Validate(grpcMethods(server)); err != nil {
		return nil, err
	}
	return server, nil
}

// grpcMethods returns the full names of all that a server has.
func grpcMethods(server *grpc.Server) (all []string) {
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			all = append(all, "/"+service+"/"+m.Name)
		}
	}
	return all
}

// GRPCUnary is the interceptor for methods with one message in and one out.
func (c *RPC) GRPCUnary(ctx context.Context, message any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	m, ok := c.Methods[info.FullMethod]
	if !ok {
		return nil, grpcError(errNoRow)
	}
	if m.Public {
		return handler(ctx, message)
	}
	ctx, err := c.admit(ctx, grpcAuthorization(ctx))
	if err == nil {
		err = c.decide(ctx, m, message)
	}
	if err != nil {
		return nil, grpcError(err)
	}
	return handler(ctx, message)
}

// GRPCStream is the interceptor for the others. A handler is called once the token was found good, and nothing is decided before it
// receives a message: it must change nothing until then.
func (c *RPC) GRPCStream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	m, ok := c.Methods[info.FullMethod]
	if !ok {
		return grpcError(errNoRow)
	}
	if m.Public {
		return handler(srv, ss)
	}
	ctx, err := c.admit(ss.Context(), grpcAuthorization(ss.Context()))
	if err != nil {
		return grpcError(err)
	}
	checked := &grpcStream{ServerStream: ss, checks: &stream{rpc: c, ctx: ctx, method: m}}
	err = handler(srv, checked)
	if refused := checked.checks.refusal(); refused != nil {
		return grpcError(refused)
	}
	return err
}

// A grpcStream checks each message.
type grpcStream struct {
	grpc.ServerStream
	checks *stream
}

func (s *grpcStream) Context() context.Context { return s.checks.ctx }

func (s *grpcStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return grpcError(s.checks.received(message))
}

func (s *grpcStream) SendMsg(message any) error {
	if err := s.checks.sending(); err != nil {
		return grpcError(err)
	}
	return s.ServerStream.SendMsg(message)
}

// grpcAuthorization returns the values of the authorization key, all of them: two are refused.
func grpcAuthorization(ctx context.Context) []string {
	md, _ := metadata.FromIncomingContext(ctx)
	return md.Get("authorization")
}

// grpcError returns what a client sees of err, and nil for nil.
func grpcError(err error) error {
	if err == errNoRow {
		return status.Error(codes.Unimplemented, "unknown method")
	}
	code := codes.Internal
	switch bearer.StatusCode(err) {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		code = codes.Unauthenticated
	case http.StatusForbidden:
		code = codes.PermissionDenied
	case http.StatusNotFound:
		code = codes.NotFound
	case http.StatusServiceUnavailable:
		code = codes.Unavailable
	}
	return status.Error(code, sentence(err))
}
