package bearer_test

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/memstore"
)

// A deployment is a real Authority behind a real server, whose one route wants repository on acme/api.
type deployment struct {
	authority *hallpass.Authority
	store     *memstore.Store
	address   string
	reasons   notes // why tokens were rejected
}

// notes are what a server saw, for a test to look at.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, s)
}

// take returns the notes, and begins anew.
func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

func deploy(t *testing.T) *deployment {
	d := &deployment{store: memstore.New()}
	d.authority = authorityOn(t, d.store, func(_ context.Context, e hallpass.Event) {
		if e.Kind == hallpass.Rejected {
			d.reasons.add(e.Reason)
		}
	})
	d.address = serve(t, d.authority)
	return d
}

func authorityOn(t *testing.T, s hallpass.Store, observe func(context.Context, hallpass.Event)) *hallpass.Authority {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(t, err)
	a, err := hallpass.New(hallpass.Config{Store: s, Keys: keys, Observe: observe})
	require.NoError(t, err)
	return a
}

func serve(t *testing.T, a *hallpass.Authority) (address string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // which would differ by the second
		secret, err := bearer.FromRequest(r)
		if err == nil {
			_, err = a.Authorize(r.Context(), secret, hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
		}
		if err != nil {
			bearer.WriteError(w, r, err)
			return
		}
		io.WriteString(w, "yes")
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// issue returns a token that may read acme/api, and its text.
func issue(t *testing.T, a *hallpass.Authority) (hallpass.Token, string) {
	token, secret, err := a.Issue(t.Context(), hallpass.Grant{Name: "deploy job", CreatedBy: "user-1",
		Resource: hallpass.Repository("acme", "api"), Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	require.NoError(t, err)
	return token, secret.Reveal()
}

// edit changes a record behind the back of hallpass.
func (d *deployment) edit(t *testing.T, id hallpass.ID, change func(*hallpass.Record)) {
	old, err := d.store.Get(t.Context(), id)
	require.NoError(t, err)
	edited := *old
	change(&edited)
	require.NoError(t, d.store.Write(t.Context(), hallpass.Change{Old: old, New: &edited}))
}

// raw returns every byte that the server at address answers to these lines of header.
func raw(t *testing.T, address string, lines ...string) string {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /acme/api HTTP/1.1\r\nHost: hallpass\r\nConnection: close\r\n"+strings.Join(lines, "")+"\r\n")
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(all)
}

// withChecksum completes the text of a token, whose checksum is no secret.
func withChecksum(text string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	crc := crc32.ChecksumIEEE([]byte(text))
	var sum [6]byte
	for i := len(sum) - 1; i >= 0; i-- {
		sum[i] = digits[crc%62]
		crc /= 62
	}
	return text + string(sum[:])
}

func TestWhateverIsWrongWithATokenTheAnswerIsTheSameByteForByte(t *testing.T) {
	d := deploy(t)
	live, text := issue(t, d.authority)
	other, otherText := issue(t, d.authority)
	_, unknown := issue(t, authorityOn(t, memstore.New(), nil))
	revoked, revokedText := issue(t, d.authority)
	require.NoError(t, d.authority.Revoke(t.Context(), revoked.Resource, revoked.ID))
	rotated, rotatedText := issue(t, d.authority)
	_, _, err := d.authority.Rotate(t.Context(), rotated.Resource, rotated.ID, 0)
	require.NoError(t, err)
	renamed, renamedText := issue(t, d.authority)
	d.edit(t, renamed.ID, func(r *hallpass.Record) { r.Token.Name = "another" })
	widened, widenedText := issue(t, d.authority)
	d.edit(t, widened.ID, func(r *hallpass.Record) { r.ScopeText = "repository:write" })
	unrevoked, unrevokedText := issue(t, d.authority)
	require.NoError(t, d.authority.Revoke(t.Context(), unrevoked.Resource, unrevoked.ID))
	d.edit(t, unrevoked.ID, func(r *hallpass.Record) { r.Token.RevokedAt = time.Time{} })

	prefix := len("hp_") + len(live.ID)
	wrong := withChecksum(text[:prefix] + otherText[prefix:prefix+35])
	require.True(t, d.authority.Recognizes(wrong), "only its secret is wrong")
	require.NotEqual(t, live.ID, other.ID)

	const unauthorized = "HTTP/1.1 401 Unauthorized\r\n"
	tokens := []struct{ name, text, reason string }{
		{"unknown", unknown, hallpass.ReasonUnknown},
		{"wrong secret", wrong, hallpass.ReasonWrongSecret},
		{"revoked", revokedText, hallpass.ReasonRevoked},
		{"rotated", rotatedText, hallpass.ReasonRevoked},
		{"tampered: renamed", renamedText, hallpass.ReasonTampered},
		{"tampered: widened", widenedText, hallpass.ReasonTampered},
		{"tampered: not revoked any more", unrevokedText, hallpass.ReasonTampered},
		{"malformed: short", text[:len(text)-1], ""},
		{"malformed: long", text + "0", ""},
		{"malformed: checksum", text[:len(text)-1] + "-", ""},
		{"malformed: upper case", strings.ToUpper(text), ""},
		{"malformed: prefix", "xx" + text[2:], ""},
		{"malformed: one character", "x", ""},
	}
	headers := map[string]string{
		"empty":           "Authorization:\r\n",
		"no token":        "Authorization: Bearer\r\n",
		"another scheme":  "Authorization: Token " + text + "\r\n",
		"no scheme":       "Authorization: " + text + "\r\n",
		"two spaces":      "Authorization: Bearer  " + text + "\r\n",
		"a tab":           "Authorization: Bearer\t" + text + "\r\n",
		"joined":          "Authorization: Bearer " + text + ", Bearer " + text + "\r\n",
		"two headers":     "Authorization: Bearer " + text + "\r\nAuthorization: Bearer " + text + "\r\n",
		"too long":        "Authorization: Bearer " + strings.Repeat(text, 100) + "\r\n",
		"token as user":   "Authorization: " + basic(text, "") + "\r\n",
		"x-oauth-basic":   "Authorization: " + basic(text, "x-oauth-basic") + "\r\n",
		"empty user":      "Authorization: " + basic("", text) + "\r\n",
		"a person":        "Authorization: " + basic("user-1", text) + "\r\n",
		"not base64":      "Authorization: Basic x-token-auth:" + text + "\r\n",
		"base64 unpadded": "Authorization: " + strings.TrimRight(basic("x-token-auth", text+"0"), "=") + "0\r\n",
	}
	for _, agent := range []string{"User-Agent: curl/8.5.0\r\n", "User-Agent: git/2.39.5\r\n"} {
		for _, value := range []string{"Bearer " + text, basic("x-token-auth", text)} {
			require.Contains(t, raw(t, d.address, agent, "Authorization: "+value+"\r\n"), "\r\n\r\nyes", "a live one is let through")
		}
		want := raw(t, d.address, agent, "Authorization: Bearer "+unknown+"\r\n")
		require.True(t, strings.HasPrefix(want, unauthorized), want)
		require.Contains(t, want, `error="invalid_token"`)
		for _, row := range tokens {
			for _, value := range []string{"Bearer " + row.text, basic("x-token-auth", row.text)} {
				d.reasons.take()
				assert.Equal(t, want, raw(t, d.address, agent, "Authorization: "+value+"\r\n"), "%s: %s", row.name, value)
				assert.Equal(t, row.reason, strings.Join(d.reasons.take(), " "), "only the host is told of %s", row.name)
			}
		}
		for name, line := range headers {
			assert.Equal(t, want, raw(t, d.address, agent, line), name)
		}
		// Without a header nothing was presented, and only the challenge says so.
		none := raw(t, d.address, agent)
		assert.NotEqual(t, want, none)
		assert.Equal(t, strings.Replace(want, `, error="invalid_token"`, "", 1), none)
	}
}

func TestBearerAndBasicAreTheSameBearerWithTheSameRights(t *testing.T) {
	d := deploy(t)
	token, secret, err := d.authority.Issue(t.Context(), hallpass.Grant{Name: "deploy job", CreatedBy: "user-1",
		Resource: hallpass.Repository("acme", "web"), Permissions: []hallpass.Permission{hallpass.PipelineRead}})
	require.NoError(t, err)
	var seen []hallpass.Token
	var answers []string
	for _, value := range []string{"Bearer " + secret.Reveal(), basic("x-token-auth", secret.Reveal())} {
		text, err := bearer.FromHeader([]string{value})
		require.NoError(t, err)
		got, err := d.authority.Authorize(t.Context(), text, token.Resource, hallpass.PipelineRead)
		require.NoError(t, err)
		seen = append(seen, got)
		answers = append(answers, raw(t, d.address, "Authorization: "+value+"\r\n"))
	}
	assert.Equal(t, []hallpass.Token{token, token}, seen)
	assert.True(t, strings.HasPrefix(answers[0], "HTTP/1.1 403 Forbidden\r\n"), answers[0])
	assert.Equal(t, answers[0], answers[1])
	assert.Contains(t, answers[0], `"required":["repository"],"granted":["pipeline"]`)
	assert.NotContains(t, answers[0], "web")
	assert.NotContains(t, answers[0], "api")
}

// broken is a store that fails, with an error that wraps all that would mean something else.
type broken struct{ hallpass.Store }

func (broken) Get(context.Context, hallpass.ID) (*hallpass.Record, error) {
	return nil, errors.Join(errors.New("pq: no route to 10.0.0.7"), hallpass.ErrUnauthenticated, hallpass.ErrDenied, hallpass.ErrUnavailable)
}

func TestAStoreThatFailsIs503AndShowsNothingOfItself(t *testing.T) {
	a := authorityOn(t, broken{memstore.New()}, nil)
	_, text := issue(t, authorityOn(t, memstore.New(), nil))
	address := serve(t, a)
	for _, agent := range []string{"User-Agent: curl/8.5.0\r\n", "User-Agent: git/2.39.5\r\n"} {
		got := raw(t, address, agent, "Authorization: Bearer "+text+"\r\n")
		assert.True(t, strings.HasPrefix(got, "HTTP/1.1 503 Service Unavailable\r\n"), got)
		lines := strings.Split(got, "\r\n")
		assert.True(t, slices.Contains(lines, "Retry-After: 5"), got)
		for _, hidden := range []string{"pq", "10.0.0.7", text, "WWW-Authenticate", "Www-Authenticate"} {
			assert.NotContains(t, got, hidden)
		}
	}
}
