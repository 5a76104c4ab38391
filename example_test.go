package hallpass_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/memstore"
)

// newAuthority is what the examples share: an Authority with a store in memory and a fresh key.
func newAuthority() *hallpass.Authority {
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

// A token is issued, used, and revoked.
func Example() {
	ctx := context.Background()
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys})
	if err != nil {
		panic(err)
	}

	token, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name:        "deploy job",
		CreatedBy:   "user-1",
		Resource:    hallpass.Repository("acme", "api"),
		Permissions: []hallpass.Permission{hallpass.RepositoryWrite},
	})
	if err != nil {
		panic(err)
	}
	presented := secret.Reveal() // hand it over, once

	api := hallpass.Repository("acme", "api")
	_, err = passes.Authorize(ctx, presented, api, hallpass.RepositoryWrite)
	fmt.Println("push:", err)
	_, err = passes.Authorize(ctx, presented, api, hallpass.RepositoryDelete)
	fmt.Println("delete is denied:", errors.Is(err, hallpass.ErrDenied))

	err = passes.Revoke(ctx, hallpass.Workspace("acme"), token.ID)
	fmt.Println("revoke:", err)
	_, err = passes.Authorize(ctx, presented, api, hallpass.RepositoryWrite)
	fmt.Println("push:", err)
	// Output:
	// push: <nil>
	// delete is denied: true
	// revoke: <nil>
	// push: hallpass: unauthenticated
}

// A project token reaches the repositories that lie in the project now. The host says where one lies, out of its own database.
func ExampleResource_In() {
	project := hallpass.Project("acme", "core")
	api := hallpass.Repository("acme", "api")
	fmt.Println(project.Contains(api.In("core")))
	fmt.Println(project.Contains(api.In("web"))) // it moved
	fmt.Println(project.Contains(api))           // nobody said
	// Output:
	// true
	// false
	// false
}

func ExampleParseResource() {
	r, err := hallpass.ParseResource("repository:acme/api")
	fmt.Println(r.Kind(), r.Workspace(), r.Repository(), err)
	_, err = hallpass.ParseResource("repository:acme/a/b")
	fmt.Println(err)
	// Output:
	// repository acme api <nil>
	// hallpass: invalid: not a resource: the repository is bad; it is 1 to 128 bytes of visible ASCII without "/", and neither "." nor ".."
}

// A host with permissions of its own names them, with what they imply and which tokens may hold them.
func ExampleNewCatalog() {
	kinds := []hallpass.Kind{hallpass.WorkspaceKind, hallpass.ProjectKind, hallpass.RepositoryKind}
	catalog, err := hallpass.NewCatalog(
		hallpass.Definition{Permission: "package:read", Kinds: kinds},
		hallpass.Definition{Permission: "package:write", Kinds: kinds, Implies: []hallpass.Permission{"package:read"}},
		hallpass.Definition{Permission: "billing"}, // no token may ever hold it
	)
	if err != nil {
		panic(err)
	}
	fmt.Print(catalog)
	scope, err := catalog.Scope("package:write")
	fmt.Println(scope.Permits("package:read"), err)
	// Output:
	// billing: never grants billing
	// package:read: workspace project repository grants package:read
	// package:write: workspace project repository grants package:read package:write
	// true <nil>
}

// A DeniedError says all that was missing, for the log and for the body of a 403.
func ExampleDeniedError() {
	ctx, passes := context.Background(), newAuthority()
	_, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name: "build", CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}
	_, err = passes.Authorize(ctx, secret.Reveal(), hallpass.Repository("acme", "web"), hallpass.RepositoryWrite, hallpass.PipelineRead)
	if denied, ok := errors.AsType[*hallpass.DeniedError](err); ok {
		fmt.Println("missing:", denied.Missing)
		fmt.Println("out of reach:", denied.OutOfReach)
	}
	// Output:
	// missing: [repository:write pipeline]
	// out of reach: true
}

// The second decision of a request is made on the token that the first one returned.
func ExampleAuthorize() {
	ctx, passes := context.Background(), newAuthority()
	_, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name: "merge bot", CreatedBy: "user-1", Resource: hallpass.Workspace("acme"), Permissions: []hallpass.Permission{hallpass.PullRequestWrite},
	})
	if err != nil {
		panic(err)
	}
	target, source := hallpass.Repository("acme", "api"), hallpass.Repository("globex", "fork")
	token, err := passes.Authorize(ctx, secret.Reveal(), target, hallpass.PullRequestWrite)
	fmt.Println("target:", err)
	fmt.Println("source:", errors.Is(hallpass.Authorize(token, source, hallpass.RepositoryRead), hallpass.ErrDenied))
	// Output:
	// target: <nil>
	// source: true
}

// An endpoint that lists shows what lies within the reach of the token, and nothing if there is none.
func ExampleToken_Reach() {
	ctx, passes := context.Background(), newAuthority()
	_, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name: "mirror", CreatedBy: "user-1", Resource: hallpass.Project("acme", "core"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}
	token, err := passes.Authenticate(ctx, secret.Reveal())
	if err != nil {
		panic(err)
	}
	repositories := []hallpass.Resource{ // as the host's database has them
		hallpass.Repository("acme", "api").In("core"),
		hallpass.Repository("acme", "site").In("web"),
	}
	if within, ok := token.Reach(hallpass.RepositoryRead); ok {
		for _, r := range repositories {
			if within.Contains(r) {
				fmt.Println(r)
			}
		}
	}
	// Output:
	// repository:acme/api
}

// A token is replaced, never recovered. For an hour both work, so that no job fails in between.
func ExampleAuthority_Rotate() {
	ctx, passes := context.Background(), newAuthority()
	token, old, err := passes.Issue(ctx, hallpass.Grant{
		Name: "deploy job", CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryWrite},
	})
	if err != nil {
		panic(err)
	}
	replacement, fresh, err := passes.Rotate(ctx, hallpass.Workspace("acme"), token.ID, time.Hour)
	if err != nil {
		panic(err)
	}
	fmt.Println(replacement.Name, replacement.Scope, replacement.Replaces == token.ID)
	for _, secret := range []hallpass.Secret{old, fresh} {
		_, err := passes.Authenticate(ctx, secret.Reveal())
		fmt.Println(err)
	}
	_, _, err = passes.Rotate(ctx, hallpass.Workspace("acme"), token.ID, 0)
	fmt.Println(err)
	// Output:
	// deploy job repository:write true
	// <nil>
	// <nil>
	// hallpass: conflict: the token was rotated before; rotate its replacement
}

// The ID of another tenant's token is worth nothing.
func ExampleAuthority_Revoke() {
	ctx, passes := context.Background(), newAuthority()
	token, _, err := passes.Issue(ctx, hallpass.Grant{
		Name: "build", CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(passes.Revoke(ctx, hallpass.Workspace("globex"), token.ID))
	fmt.Println(passes.Revoke(ctx, hallpass.Workspace("acme"), token.ID))
	// Output:
	// hallpass: not found
	// <nil>
}

// A settings page lists the tokens of a resource, a page at a time.
func ExampleAuthority_List() {
	ctx, passes := context.Background(), newAuthority()
	for _, name := range []string{"build", "deploy"} {
		_, _, err := passes.Issue(ctx, hallpass.Grant{
			Name: name, CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
		})
		if err != nil {
			panic(err)
		}
	}
	names := map[string]bool{}
	for token, err := range passes.List(ctx, hallpass.Workspace("acme"), hallpass.ListOptions{Limit: 50}) {
		if err != nil {
			panic(err) // of one token, if it has an ID: show that it was tampered with
		}
		names[token.Name] = true
	}
	fmt.Println(names)
	// Output:
	// map[build:true deploy:true]
}

// The host's own rule on who may make which token, such as what the plan of a workspace covers.
func ExampleConfig_policy() {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{
		Store: memstore.New(),
		Keys:  keys,
		Policy: func(_ context.Context, g hallpass.Grant) error {
			if g.Resource.Kind() != hallpass.RepositoryKind {
				return errors.New("project and workspace tokens need the premium plan")
			}
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	_, _, err = passes.Issue(context.Background(), hallpass.Grant{
		Name: "build", CreatedBy: "user-1", Resource: hallpass.Workspace("acme"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	fmt.Println(err)
	// Output:
	// hallpass: refused by policy: project and workspace tokens need the premium plan
}

// The audit log is told of everything. No event carries a secret.
func ExampleConfig_observe() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == "time" || a.Key == "at" || a.Key == "id" {
			return slog.Attr{} // which differ each time
		}
		return a
	}}))
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{
		Store:   memstore.New(),
		Keys:    keys,
		Observe: func(ctx context.Context, e hallpass.Event) { logger.InfoContext(ctx, "token", "event", e) },
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	_, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name: "build", CreatedBy: "user-1", Resource: hallpass.Project("acme", "core"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}
	_, _ = passes.Authorize(ctx, secret.Reveal(), hallpass.Repository("acme", "api").In("core"), hallpass.RepositoryRead)
	// Output:
	// level=INFO msg=token event.kind=issued event.token.name=build event.token.resource=project:acme/core event.token.scope=repository
	// level=INFO msg=token event.kind=allowed event.token.name=build event.token.resource=project:acme/core event.token.scope=repository event.resource=repository:acme/api event.in=core event.permissions=repository
}

// Printed in any way, a Secret shows only which token it is of.
func ExampleSecret() {
	_, secret, err := newAuthority().Issue(context.Background(), hallpass.Grant{
		Name: "build", CreatedBy: "user-1", Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(fmt.Sprintf("%+v", secret)), len(secret.Reveal()))
	// Output:
	// 26 64
}
