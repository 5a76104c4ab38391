package routers

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// registerForge stands for what protoc-gen-go-grpc makes, and for the service behind it.
func registerForge(server *grpc.Server) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "forge.Repositories",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("Show", methodShow, "shown to"),
			unary("Run", methodRun, "run by"),
			unary("Health", methodHealth, "is well"),
		},
		Streams: []grpc.StreamDesc{
			{StreamName: "Watch", Handler: grpcWatch, ServerStreams: true},
			{StreamName: "Push", Handler: grpcPush, ServerStreams: true, ClientStreams: true},
		},
	}, nil)
}

func unary(name, full, what string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: full}, func(ctx context.Context, message any) (any, error) {
			return did(ctx, message.(*wrapperspb.StringValue), what), nil
		})
	}}
}

func grpcWatch(_ any, ss grpc.ServerStream) error {
	name := new(wrapperspb.StringValue)
	if err := ss.RecvMsg(name); err != nil {
		return err
	}
	return watch(ss.Context(), name, func(m *wrapperspb.StringValue) error { return ss.SendMsg(m) })
}

func grpcPush(_ any, ss grpc.ServerStream) error {
	for {
		name := new(wrapperspb.StringValue)
		if err := ss.RecvMsg(name); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := ss.SendMsg(did(ss.Context(), name, "pushed by")); err != nil {
			return err
		}
	}
}
