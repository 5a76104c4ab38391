package routers

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hallpass-go/hallpass"
)

// The methods of the forge's RPC service. Their messages are strings: requests are names such as "acme/api".
const (
	methodShow   = "/forge.Repositories/Show"   // one message in, one out
	methodRun    = "/forge.Repositories/Run"    // one in, one out
	methodWatch  = "/forge.Repositories/Watch"  // one in, many out
	methodPush   = "/forge.Repositories/Push"   // many in, one out for each
	methodHealth = "/forge.Repositories/Health" // for everybody
)

// RPC returns the table of the forge's methods.
func (f *Forge) RPC() *RPC {
	return &RPC{Gate: f.Gate, Methods: map[string]Method{
		methodShow:   {Permission: hallpass.RepositoryRead, Resource: f.named},
		methodRun:    {Permission: hallpass.PipelineWrite, Resource: f.named},
		methodWatch:  {Permission: hallpass.RepositoryRead, Resource: f.named},
		methodPush:   {Permission: hallpass.RepositoryWrite, Resource: f.named},
		methodHealth: {Public: true},
	}}
}

// named is the resource function of all rows.
func (f *Forge) named(message any) (hallpass.Resource, error) {
	name, ok := message.(*wrapperspb.StringValue)
	if !ok {
		return hallpass.Resource{}, fmt.Errorf("a message of type %T, which names nothing", message)
	}
	workspace, repository, _ := strings.Cut(name.GetValue(), "/")
	return f.Find(workspace, repository)
}

// did is what the methods answer: who did what.
func did(ctx context.Context, name *wrapperspb.StringValue, what string) *wrapperspb.StringValue {
	token, _ := hallpass.FromContext(ctx)
	return wrapperspb.String(fmt.Sprintf("%s %s %s", name.GetValue(), what, token.ID))
}

// watch sends a message every 10 ms until that fails or the client has gone.
func watch(ctx context.Context, name *wrapperspb.StringValue, send func(*wrapperspb.StringValue) error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := send(did(ctx, name, "watched by")); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
