// Package hallpasstest makes an Authority for the unit tests of a host, in one line, and a secret to present in another.
//
//	passes := hallpasstest.New(t)
//	secret := hallpasstest.Secret(t, passes, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
package hallpasstest

import (
	"reflect"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/memstore"
)

// New returns an Authority with the default catalog, a key of its own, and a store of its own in memory.
func New(t testing.TB) *hallpass.Authority {
	t.Helper()
	return With(t, hallpass.Config{})
}

// With returns the Authority that cfg describes. Where cfg has no Store, it gets one in memory, and where it has no Keys, a fresh one.
// It ends the test if cfg is not sound.
func With(t testing.TB, cfg hallpass.Config) *hallpass.Authority {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = memstore.New()
	}
	if reflect.ValueOf(cfg.Keys).IsZero() {
		keys, err := hallpass.NewKeys(hallpass.GenerateKey())
		if err != nil {
			t.Fatal(err)
		}
		cfg.Keys = keys
	}
	a, err := hallpass.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Secret issues a token that is bound to a resource and has these permissions, and returns what its bearer presents. It ends the
// test if there can be no such token.
func Secret(t testing.TB, a *hallpass.Authority, resource hallpass.Resource, permissions ...hallpass.Permission) string {
	t.Helper()
	_, secret, err := a.Issue(t.Context(), hallpass.Grant{
		Name:        "test",
		CreatedBy:   "hallpasstest",
		Resource:    resource,
		Permissions: permissions,
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}
