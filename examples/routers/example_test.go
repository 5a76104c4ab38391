package routers_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/routers"
	"github.com/hallpass-go/hallpass/memstore"
)

func exampleAuthority() *hallpass.Authority {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys})
	if err != nil {
		panic(err)
	}
	return passes
}

func exampleToken(passes *hallpass.Authority, r hallpass.Resource, p ...hallpass.Permission) string {
	_, secret, err := passes.Issue(context.Background(), hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: r, Permissions: p})
	if err != nil {
		panic(err)
	}
	return "Bearer " + secret.Reveal()
}

// exampleForge is a forge and the header that presents a token that may read acme/api.
func exampleForge() (*routers.Forge, string) {
	passes := exampleAuthority()
	return routers.NewForge(passes), exampleToken(passes, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
}

func show(router http.Handler, header string) {
	fmt.Println(call(router, "GET", "/repositories/acme/api", header).Code)
	fmt.Println(call(router, "GET", "/repositories/acme/api", "").Code)
	fmt.Println(call(router, "GET", "/repositories/acme/site", header).Code)
	fmt.Println(call(router, "POST", "/repositories/acme/api/pipelines", header).Header().Get("WWW-Authenticate"))
}

func ExampleChi() {
	forge, header := exampleForge()
	show(routers.Chi(forge), header)
	// Output:
	// 200
	// 401
	// 403
	// Bearer realm="forge", error="insufficient_scope", scope="pipeline:write"
}

func ExampleEcho() {
	forge, header := exampleForge()
	show(routers.Echo(forge), header)
	// Output:
	// 200
	// 401
	// 403
	// Bearer realm="forge", error="insufficient_scope", scope="pipeline:write"
}

func ExampleGin() {
	forge, header := exampleForge()
	show(routers.Gin(forge), header)
	// Output:
	// 200
	// 401
	// 403
	// Bearer realm="forge", error="insufficient_scope", scope="pipeline:write"
}

func ExampleGRPC() {
	forge, header := exampleForge()
	server, err := routers.GRPC(forge)
	if err != nil {
		panic(err)
	}
	listener := bufconn.Listen(1 << 16)
	go server.Serve(listener)
	defer server.Stop()
	conn, err := grpc.NewClient("passthrough:forge", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		panic(err)
	}
	defer conn.Close()

	call := func(ctx context.Context, method, name string) {
		err := conn.Invoke(ctx, "/forge.Repositories/"+method, wrapperspb.String(name), new(wrapperspb.StringValue))
		fmt.Println(status.Code(err))
	}
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", header)
	call(ctx, "Show", "acme/api")
	call(context.Background(), "Show", "acme/api")
	call(ctx, "Show", "acme/site")
	call(ctx, "Show", "acme/nothing")
	// Output:
	// OK
	// Unauthenticated
	// PermissionDenied
	// PermissionDenied
}

func ExampleConnect() {
	forge, header := exampleForge()
	handler, err := routers.Connect(forge)
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	client := connect.NewClient[wrapperspb.StringValue, wrapperspb.StringValue](server.Client(), server.URL+"/forge.Repositories/Run")
	r := connect.NewRequest(wrapperspb.String("acme/api"))
	r.Header().Set("Authorization", header)
	_, err = client.CallUnary(context.Background(), r)
	fmt.Println(err)
	if refused, ok := errors.AsType[*connect.Error](err); ok {
		fmt.Println(refused.Meta().Get("WWW-Authenticate"))
	}
	// Output:
	// permission_denied: the access token does not permit this
	// Bearer realm="forge", error="insufficient_scope", scope="pipeline:write"
}
