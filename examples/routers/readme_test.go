package routers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What people copy compiles.
func TestTheREADMEHasTheCodeOfTheFiles(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var code strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		code.Write(text)
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	snippets := strings.Split(string(readme), "```go\n")[1:]
	assert.Len(t, snippets, 10)
	for _, snippet := range snippets {
		snippet, _, ok := strings.Cut(snippet, "```\n")
		require.True(t, ok)
		assert.Contains(t, code.String(), "\n"+snippet)
	}
}
