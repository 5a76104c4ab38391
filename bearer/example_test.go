package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/memstore"
)

func ExampleFromRequest() {
	r := httptest.NewRequest(http.MethodGet, "/acme/api.git/info/refs", nil)
	fmt.Println(bearer.FromRequest(r))

	r.SetBasicAuth("x-token-auth", "hp_example") // as git does
	fmt.Println(bearer.FromRequest(r))

	r.Header.Set("Authorization", "Bearer hp_example")
	fmt.Println(bearer.FromRequest(r))

	r.Header.Add("Authorization", "Bearer hp_another")
	fmt.Println(bearer.FromRequest(r))
	// Output:
	//  hallpass: unauthenticated
	// hp_example <nil>
	// hp_example <nil>
	//  hallpass: unauthenticated
}

// A gRPC server has the values from the metadata of the call: md["authorization"].
func ExampleFromHeader() {
	md := map[string][]string{"authorization": {"Bearer hp_example"}}
	token, err := bearer.FromHeader(md["authorization"])
	fmt.Println(token, err)
	// Output:
	// hp_example <nil>
}

func ExampleStatusCode() {
	store := errors.New("connection refused")
	fmt.Println(bearer.StatusCode(nil))
	fmt.Println(bearer.StatusCode(hallpass.ErrUnauthenticated))
	fmt.Println(bearer.StatusCode(fmt.Errorf("%w: %w", hallpass.ErrUnavailable, store)))
	fmt.Println(bearer.StatusCode(store))
	// Output:
	// 200
	// 401
	// 503
	// 500
}

// One handler, from the header to the answer.
func ExampleWriteError() {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys})
	if err != nil {
		panic(err)
	}
	_, secret, err := passes.Issue(context.Background(), hallpass.Grant{
		Name:        "nightly build",
		CreatedBy:   "user-1",
		Resource:    hallpass.Repository("acme", "api"),
		Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}

	push := func(w http.ResponseWriter, r *http.Request) {
		text, err := bearer.FromRequest(r)
		if err == nil {
			_, err = passes.Authorize(r.Context(), text, hallpass.Repository("acme", "api"), hallpass.RepositoryWrite)
		}
		if err != nil {
			bearer.WriteError(w, r, err)
			return
		}
		fmt.Fprintln(w, "pushed")
	}

	r := httptest.NewRequest(http.MethodPost, "/repositories/acme/api/commits", nil)
	r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	w := httptest.NewRecorder()
	push(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Print(w.Body)
	// Output:
	// 403 Bearer realm="hallpass", error="insufficient_scope", scope="repository:write"
	// {"type":"error","error":{"message":"The access token lacks a permission that this request needs.","detail":{"required":["repository:write"],"granted":["repository"]}}}
}

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

func exampleSecret(passes *hallpass.Authority, r hallpass.Resource, p ...hallpass.Permission) string {
	_, secret, err := passes.Issue(context.Background(), hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: r, Permissions: p})
	if err != nil {
		panic(err)
	}
	return secret.Reveal()
}
