package routers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A Method says what an RPC method takes. The zero Method is a mistake, and is refused.
type Method struct {
	Permission hallpass.Permission
	Resource   func(message any) (hallpass.Resource, error) // what a request message is about; its errors are those of a loader of package bearer
	Public     bool                                         // it needs no token, and has neither of these
}

// An RPC checks calls of methods before their handlers see a message.
type RPC struct {
	Gate    *bearer.Gate
	Methods map[string]Method // by full name, such as "/forge.Repositories/Show"
}

// Validate returns nil if these methods, which a server has, and no others are in the table, and each row could allow something. Do not
// start a server without it.
func (c *RPC) Validate(served []string) error {
	var all []error
	for _, name := range served {
		if _, ok := c.Methods[name]; !ok {
			all = append(all, fmt.Errorf("%s is served and has no row", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Methods)) {
		m := c.Methods[name]
		_, known := c.Gate.Authority.Catalog().Definition(m.Permission)
		switch {
		case !slices.Contains(served, name):
			all = append(all, fmt.Errorf("%s has a row and is not served", name))
		case m.Public && (m.Permission != "" || m.Resource != nil):
			all = append(all, fmt.Errorf("%s is public and needs something", name))
		case !m.Public && !known:
			all = append(all, fmt.Errorf("%s needs the permission %q, which is not in the catalog", name, m.Permission))
		case !m.Public && m.Resource == nil:
			all = append(all, fmt.Errorf("%s has no function to tell the resource", name))
		}
	}
	return errors.Join(all...)
}

// errNoRow says that a method is not in the table. Who calls it hears what he hears of a method that is not there.
var errNoRow = errors.New("the method has no row")

// admit returns ctx with the live token that these values of an authorization header present. That allows nothing yet.
func (c *RPC) admit(ctx context.Context, authorization []string) (context.Context, error) {
	secret, err := bearer.FromHeader(authorization)
	if err != nil {
		return nil, err
	}
	token, err := c.Gate.Authority.Authenticate(ctx, secret)
	if err != nil {
		return nil, err
	}
	return hallpass.NewContext(ctx, token), nil
}

// decide returns nil if the token of ctx may call m with this message. What does not exist is answered as what is out of reach.
func (c *RPC) decide(ctx context.Context, m Method, message any) error {
	resource, err := m.Resource(message)
	if err != nil {
		return c.Gate.Hide(ctx, err, m.Permission)
	}
	return c.Gate.Check(ctx, resource, m.Permission)
}

// sentence is what people see of an error. Its text stays inside: it may say what a store says of itself.
func sentence(err error) string {
	switch bearer.StatusCode(err) {
	case http.StatusUnauthorized:
		return "a valid access token is required"
	case http.StatusForbidden:
		return "the access token does not permit this"
	case http.StatusNotFound:
		return "there is no such resource"
	case http.StatusServiceUnavailable:
		return "access tokens cannot be checked at the moment"
	}
	return "internal error"
}
