// Package page checks that the Go in a page of documentation is that of tested files, so that what people copy compiles.
package page

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var blocks = regexp.MustCompile("(?s)```go\n(.*?)```")

// HasCodeOf reports every block of Go in a page that does not stand in one of the files, and a page that has fewer blocks than it should.
func HasCodeOf(t *testing.T, page string, atLeast int, files ...string) {
	t.Helper()
	code := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code += string(text)
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	found := blocks.FindAllStringSubmatch(string(text), -1)
	assert.GreaterOrEqual(t, len(found), atLeast)
	for _, b := range found {
		assert.Contains(t, code, b[1])
	}
}
