package hallpasstest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

func TestAnAuthorityInOneLineAndASecretInAnother(t *testing.T) {
	passes := hallpasstest.New(t)
	secret := hallpasstest.Secret(t, passes, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	token, err := passes.Authorize(t.Context(), secret, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	require.NoError(t, err)
	assert.Equal(t, "test", token.Name)
	_, err = passes.Authorize(t.Context(), secret, hallpass.Repository("acme", "api"), hallpass.RepositoryWrite)
	assert.ErrorIs(t, err, hallpass.ErrDenied)
	_, err = hallpasstest.New(t).Authenticate(t.Context(), secret)
	assert.Equal(t, hallpass.ErrUnauthenticated, err, "each has a store and a key of its own")
}

func TestWithKeepsWhatItIsGiven(t *testing.T) {
	store := memstore.New()
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(t, err)
	a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys, Prefix: "acme"})
	b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys, Prefix: "acme"})
	secret := hallpasstest.Secret(t, a, hallpass.Workspace("acme"), hallpass.AccountRead)
	assert.True(t, strings.HasPrefix(secret, "acme_"))
	_, err = b.Authenticate(t.Context(), secret)
	assert.NoError(t, err)
}

// A fatal is a testing.TB that notes that it was ended.
type fatal struct {
	testing.TB
	why string
}

func (f *fatal) Helper() {}

func (f *fatal) Fatal(args ...any) {
	f.why = args[0].(error).Error()
	panic(errEnded)
}

var errEnded = errors.New("the test is over")

func TestAMistakeEndsTheTest(t *testing.T) {
	f := &fatal{TB: t}
	assert.PanicsWithError(t, errEnded.Error(), func() { hallpasstest.With(f, hallpass.Config{Prefix: "!"}) })
	assert.Contains(t, f.why, "Config.Prefix")
	a := hallpasstest.New(t)
	assert.PanicsWithError(t, errEnded.Error(), func() { hallpasstest.Secret(f, a, hallpass.Workspace("acme"), hallpass.TokenAdmin) })
	assert.Contains(t, f.why, "token:admin")
}
