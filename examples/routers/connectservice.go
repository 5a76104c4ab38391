package routers

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type text = wrapperspb.StringValue

// Connect returns the forge as a handler of connect, or an error if a method has no row in the table. It speaks the protocols of connect,
// gRPC and gRPC-Web.
//
// Handlers that were generated answer a whole service each. The names of its methods are in its descriptor, by Services().Get(0).Methods()
// of the file's.
func Connect(f *Forge) (http.Handler, error) {
	checks := f.RPC()
	guard := connect.WithInterceptors(checks.ConnectInterceptor())
	handlers := map[string]http.Handler{
		methodShow:   connect.NewUnaryHandler(methodShow, connectDid("shown to"), guard),
		methodRun:    connect.NewUnaryHandler(methodRun, connectDid("run by"), guard),
		methodHealth: connect.NewUnaryHandler(methodHealth, connectDid("is well"), guard),
		methodWatch: connect.NewServerStreamHandler(methodWatch, func(ctx context.Context, r *connect.Request[text], s *connect.ServerStream[text]) error {
			return watch(ctx, r.Msg, s.Send)
		}, guard),
		methodPush: connect.NewBidiStreamHandler(methodPush, connectPush, guard),
	}
	if err := checks.Validate(slices.Collect(maps.Keys(handlers))); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for name, h := range handlers {
		mux.Handle(name, h)
	}
	return mux, nil
}

func connectDid(what string) func(context.Context, *connect.Request[text]) (*connect.Response[text], error) {
	return func(ctx context.Context, r *connect.Request[text]) (*connect.Response[text], error) {
		return connect.NewResponse(did(ctx, r.Msg, what)), nil
	}
}

func connectPush(ctx context.Context, s *connect.BidiStream[text, text]) error {
	for {
		name, err := s.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(did(ctx, name, "pushed by")); err != nil {
			return err
		}
	}
}
