package cachestore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/cachestore"
	"github.com/hallpass-go/hallpass/memstore"
)

func ExampleNew() {
	ctx := context.Background()
	database := memstore.New() // or what sqlstore.New returns
	cache, err := cachestore.New(database, cachestore.Config{MaxStale: 5 * time.Second})
	if err != nil {
		panic(err)
	}
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: cache, Keys: keys})
	if err != nil {
		panic(err)
	}

	repository := hallpass.Repository("acme", "api")
	token, secret, err := passes.Issue(ctx, hallpass.Grant{Name: "deploy job", CreatedBy: "user-1", Resource: repository, Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	if err != nil {
		panic(err)
	}
	_, err = passes.Authorize(ctx, secret.Reveal(), repository, hallpass.RepositoryRead) // reads
	fmt.Println(err)
	_, err = passes.Authorize(ctx, secret.Reveal(), repository, hallpass.RepositoryRead) // does not
	fmt.Println(err)

	// Here that is seen at once, and by every other replica within five seconds.
	fmt.Println(passes.Revoke(ctx, repository, token.ID))
	_, err = passes.Authorize(ctx, secret.Reveal(), repository, hallpass.RepositoryRead)
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// hallpass: unauthenticated
}
