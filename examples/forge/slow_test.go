package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that is refused and does not send what it announced is not waited for.
func TestABodyThatDoesNotComeHoldsNoConnection(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(inTime(&w.guarded, 200*time.Millisecond))
	defer server.Close()
	for path, status := range map[string]string{
		"/2.0/repositories/acme/api/src":  "401",
		"/git/acme/api/git-receive-pack":  "401",
		"/git/acme/api/git-upload-pack":   "401",
		"/alerts/secret-scanning":         "413",
		"/2.0/repositories/acme/nothing/": "404",
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: forge\r\nContent-Length: 1000\r\n\r\nx", path)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
		answer, err := io.ReadAll(c)
		require.NoError(t, err, "%s: the server closes the connection", path)
		assert.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 "+status), "%s: %s", path, answer)
	}
}

// What has no body may take as long as it wants.
func TestALongAnswerIsNotCutOff(t *testing.T) {
	server := httptest.NewServer(inTime(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
			io.WriteString(w, "done")
		}
	}), 50*time.Millisecond))
	defer server.Close()
	answer, err := http.Get(server.URL)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Equal(t, "done", string(text))
}
