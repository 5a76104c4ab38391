package scantest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// Every block of Go in the page stands in this package, so that what people copy compiles.
func TestThePageHasThisCode(t *testing.T) {
	code, err := os.ReadFile("exposed.go")
	require.NoError(t, err)
	page, err := os.ReadFile(scanning + "README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	assert.Len(t, blocks, 2)
	for _, b := range blocks {
		assert.Contains(t, string(code), b[1])
	}
	assert.Contains(t, string(page), "`"+strings.Trim(hallpasstest.New(t).Pattern(), `\b`)+"`", "what to give to GitHub")
}

// flaky is a store that can be down.
type flaky struct {
	hallpass.Store
	down bool
}

func (f *flaky) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	if f.down {
		return nil, errors.New("down")
	}
	return f.Store.Get(ctx, id)
}

func TestLeakedTokensAreEnded(t *testing.T) {
	store := &flaky{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	tokens := issue(t, a, 3)
	page := fmt.Sprintf("A=%s B=%s C=%s D=%s", tokens[0], typo(tokens[1]), tokens[2], tokens[0])

	store.down = true
	_, err := EndExposed(t.Context(), a, page)
	require.ErrorIs(t, err, hallpass.ErrUnavailable)
	store.down = false
	ended, err := EndExposed(t.Context(), a, page)
	require.NoError(t, err)
	require.Len(t, ended, 2)
	assert.Zero(t, a.Malformed(), "what only looks like a token is not tried")
	for i, token := range tokens {
		_, err := a.Authenticate(t.Context(), token)
		assert.Equal(t, i != 1, err == hallpass.ErrUnauthenticated)
	}
}

func TestTheEndpointTellsWhichTokensAreLive(t *testing.T) {
	file := parse(t, uncomment(read(t, "trufflehog.yaml", "hp"))).Detectors[0]
	require.Len(t, file.Verify, 1)
	store := &flaky{Store: memstore.New()}
	a := hallpasstest.With(t, hallpass.Config{Store: store})
	ask := func(body string) string {
		w := httptest.NewRecorder()
		Live(a)(w, httptest.NewRequest(http.MethodPost, file.Verify[0].Endpoint, strings.NewReader(body)))
		return fmt.Sprint(w.Code)
	}
	// This is what TruffleHog sends.
	question := func(token string) string {
		b, err := json.Marshal(map[string]map[string][]string{file.Name: {"token": {token}}})
		require.NoError(t, err)
		return string(b)
	}
	token := issue(t, a, 1)[0]
	assert.Equal(t, file.Verify[0].SuccessRanges, []string{ask(question(token))})
	assert.Equal(t, file.Verify[0].RotatedRanges, []string{ask(question(typo(token)))})
	store.down = true
	assert.Equal(t, "503", ask(question(token)), "neither of both")
	store.down = false
	_, err := a.RevokeExposed(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, file.Verify[0].RotatedRanges, []string{ask(question(token))})
	for _, body := range []string{"", "{}", `{"hallpass":{"token":[]}}`, `{"hallpass":{"token":["a","b"]}}`, question(strings.Repeat("x", 1<<16))} {
		assert.Equal(t, "400", ask(body))
	}
}
