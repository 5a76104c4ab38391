package alerts_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/alerts"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// A scanner is the other side: it has a key, and publishes the public half.
type scanner struct {
	key     *ecdsa.PrivateKey
	fetches atomic.Int32
	down    atomic.Bool
	url     string
}

func newScanner(t *testing.T) *scanner {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	s := &scanner{key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		if s.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		der, _ := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
		json.NewEncoder(w).Encode(map[string]any{"public_keys": []map[string]any{
			{"key_identifier": "one", "key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "is_current": true},
		}})
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *scanner) sign(t *testing.T, body string) string {
	digest := sha256.Sum256([]byte(body))
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(signature)
}

// post sends an alert as it would be sent.
func post(handler http.Handler, body, identifier, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Github-Public-Key-Identifier", identifier)
	r.Header.Set("Github-Public-Key-Signature", signature)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func telling(tokens ...string) string {
	all := []map[string]string{}
	for _, token := range tokens {
		all = append(all, map[string]string{"token": token, "type": "hallpass", "url": "https://example.com/leak", "source": "commit"})
	}
	text, _ := json.Marshal(all)
	return string(text)
}

func TestALeakedTokenIsRevokedAndTheVerdictShowsNoSecret(t *testing.T) {
	passes, s := hallpasstest.New(t), newScanner(t)
	handler := alerts.Handler(passes, alerts.FromURL(s.url, http.DefaultClient))
	api := hallpass.Repository("acme", "api")
	leaked, other := hallpasstest.Secret(t, passes, api, hallpass.RepositoryRead), hallpasstest.Secret(t, passes, api, hallpass.RepositoryRead)

	body := telling(leaked, "hp_nothing")
	w := post(handler, body, "one", s.sign(t, body))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	digest := sha256.Sum256([]byte(leaked))
	assert.Contains(t, w.Body.String(), base64.StdEncoding.EncodeToString(digest[:])+`","token_type":"hallpass","label":"true_positive"`)
	assert.Contains(t, w.Body.String(), `"label":"false_positive"`)
	assert.NotContains(t, w.Body.String(), leaked)
	_, err := passes.Authenticate(t.Context(), leaked)
	assert.ErrorIs(t, err, hallpass.ErrUnauthenticated)
	_, err = passes.Authenticate(t.Context(), other)
	assert.NoError(t, err)

	// It may come again.
	assert.Equal(t, http.StatusOK, post(handler, body, "one", s.sign(t, body)).Code)
}

func TestWhatIsNotSignedEndsNothing(t *testing.T) {
	passes, s, forger := hallpasstest.New(t), newScanner(t), newScanner(t)
	handler := alerts.Handler(passes, alerts.FromURL(s.url, http.DefaultClient))
	secret := hallpasstest.Secret(t, passes, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	body := telling(secret)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no signature":     post(handler, body, "one", ""),
		"no identifier":    post(handler, body, "", s.sign(t, body)),
		"another key":      post(handler, body, "one", forger.sign(t, body)),
		"an unknown key":   post(handler, body, "two", s.sign(t, body)),
		"another body":     post(handler, body+" ", "one", s.sign(t, body)),
		"no base64":        post(handler, body, "one", "%"),
		"no ASN.1":         post(handler, body, "one", "AAAA"),
		"the empty body's": post(handler, body, "one", s.sign(t, "")),
	} {
		assert.Equal(t, http.StatusForbidden, w.Code, name)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header["Github-Public-Key-Identifier"] = []string{"one", "one"}
	r.Header.Set("Github-Public-Key-Signature", s.sign(t, body))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	assert.Equal(t, http.StatusForbidden, w.Code)

	_, err := passes.Authenticate(t.Context(), secret)
	assert.NoError(t, err)
	assert.EqualValues(t, 1, s.fetches.Load(), "rubbish makes nobody fetch keys again and again")
}

func TestAnAlertThatIsNoAlertIsABadRequest(t *testing.T) {
	passes, s := hallpasstest.New(t), newScanner(t)
	handler := alerts.Handler(passes, alerts.FromURL(s.url, http.DefaultClient))
	for _, body := range []string{"", "{}", "[1]", telling(make([]string, 1001)...)} {
		assert.Equal(t, http.StatusBadRequest, post(handler, body, "one", s.sign(t, body)).Code)
	}
	big := telling(strings.Repeat("x", 1<<20))
	assert.Equal(t, http.StatusRequestEntityTooLarge, post(handler, big, "one", s.sign(t, big)).Code)
}

// failing is a store that cannot be written to.
type failing struct{ hallpass.Store }

func (failing) Write(context.Context, ...hallpass.Change) error { return errors.New("disk full") }

func TestAnAlertThatCannotBeDealtWithComesAgain(t *testing.T) {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(t, err)
	store := memstore.New()
	sound := hallpasstest.With(t, hallpass.Config{Store: store, Keys: keys})
	broken := hallpasstest.With(t, hallpass.Config{Store: failing{store}, Keys: keys})
	s := newScanner(t)
	body := telling(hallpasstest.Secret(t, sound, hallpass.Repository("acme", "api"), hallpass.RepositoryRead))

	w := post(alerts.Handler(broken, alerts.FromURL(s.url, http.DefaultClient)), body, "one", s.sign(t, body))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "disk full")

	s.down.Store(true)
	down := alerts.Handler(sound, alerts.FromURL(s.url, http.DefaultClient))
	assert.Equal(t, http.StatusServiceUnavailable, post(down, body, "one", s.sign(t, body)).Code, "no key, no answer")
	none := alerts.Handler(sound, func(context.Context, string) (*ecdsa.PublicKey, error) { return nil, nil })
	assert.Equal(t, http.StatusForbidden, post(none, body, "one", s.sign(t, body)).Code)
}

func TestAKeyOfAnotherKindIsNotTaken(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	for _, text := range []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			out, _ := json.Marshal(text)
			io.WriteString(w, `{"public_keys":[{"key_identifier":"one","key":`+string(out)+`}]}`)
		}))
		_, err := alerts.FromURL(server.URL, http.DefaultClient)(t.Context(), "one")
		assert.Error(t, err)
		assert.NotErrorIs(t, err, alerts.ErrUnknownKey)
		server.Close()
	}
}
