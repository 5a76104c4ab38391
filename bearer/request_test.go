package bearer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

func TestATokenIsReadFromTheHeaderOnly(t *testing.T) {
	form := url.Values{"access_token": {example}, "token": {example}, "Authorization": {"Bearer " + example}}.Encode()
	requests := map[string]func(r *http.Request){
		"query":                 func(r *http.Request) { r.URL.RawQuery = form },
		"path":                  func(r *http.Request) { r.URL.Path = "/" + example + "/x-token-auth:" + example + "@" },
		"path value":            func(r *http.Request) { r.SetPathValue("token", example) },
		"user of the URL":       func(r *http.Request) { r.URL.User = url.UserPassword("x-token-auth", example) },
		"fragment":              func(r *http.Request) { r.URL.Fragment = "access_token=" + example },
		"cookie":                func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "Authorization", Value: "Bearer " + example}) },
		"cookie access_token":   func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "access_token", Value: example}) },
		"Proxy-Authorization":   func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Bearer "+example) },
		"X-Authorization":       func(r *http.Request) { r.Header.Set("X-Authorization", "Bearer "+example) },
		"X-Forwarded-Authoriz.": func(r *http.Request) { r.Header.Set("X-Forwarded-Authorization", "Bearer "+example) },
		"X-Api-Key":             func(r *http.Request) { r.Header.Set("X-Api-Key", example) },
		"Private-Token":         func(r *http.Request) { r.Header.Set("Private-Token", example) },
		"X-Token-Auth":          func(r *http.Request) { r.Header.Set("X-Token-Auth", example) },
		"WebSocket protocol":    func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "bearer, "+example) },
		"trailer":               func(r *http.Request) { r.Trailer = http.Header{"Authorization": {"Bearer " + example}} },
		"form": func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader(form))
		},
		"form that was parsed": func(r *http.Request) {
			r.URL.RawQuery = form
			if err := r.ParseForm(); err != nil {
				panic(err)
			}
		},
	}
	for name, put := range requests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			put(r)
			token, err := bearer.FromRequest(r)
			assert.True(t, err == hallpass.ErrUnauthenticated)
			assert.Empty(t, token)

			r.Header.Set("Authorization", "Bearer other")
			token, err = bearer.FromRequest(r)
			assert.NoError(t, err)
			assert.Equal(t, "other", token, "what is elsewhere neither helps nor harms")
		})
	}
}

func TestTheBodyIsNotRead(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("access_token="+example))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err := bearer.FromRequest(r)
	require.ErrorIs(t, err, hallpass.ErrUnauthenticated)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, "access_token="+example, string(body))
	assert.Nil(t, r.Form)
}

// Over the wire, a header may come twice, in another case, or folded, and a URL may name a user.
func TestWhatARealServerHandsOver(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := bearer.FromRequest(r)
		if err != nil {
			bearer.WriteError(w, r, err)
			return
		}
		fmt.Fprint(w, token)
	}))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	one, other := "Authorization: Bearer "+example+"\r\n", "Authorization: Bearer other\r\n"
	for _, row := range []struct {
		name, target, headers string
		want                  int
	}{
		{"one", "/", one, 200},
		{"one in lower case", "/", strings.Replace(one, "Auth", "auth", 1), 200},
		{"one Basic", "/", "Authorization: " + basic("x-token-auth", example) + "\r\n", 200},
		{"none", "/", "", 401},
		{"an empty one", "/", "Authorization:\r\n", 401},
		{"two that differ", "/", one + other, 401},
		{"two alike", "/", one + one, 401},
		{"two, of which one is in lower case", "/", one + strings.ToLower(other), 401},
		{"two, of which one is empty", "/", one + "Authorization:\r\n", 401},
		{"two with another header between", "/", one + "Accept: */*\r\n" + other, 401},
		{"the user of an absolute URL", "http://x-token-auth:" + example + "@" + host + "/", "", 401},
		{"a query", "/?access_token=" + example, "", 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, body := exchange(t, host, "GET "+row.target+" HTTP/1.1\r\nHost: "+host+"\r\n"+row.headers+"Connection: close\r\n\r\n")
			assert.Equal(t, row.want, status)
			if row.want == http.StatusOK {
				assert.Equal(t, example, body)
			}
		})
	}
}

// exchange sends these bytes and returns what comes back.
func exchange(t *testing.T, address, request string) (status int, body string) {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}
