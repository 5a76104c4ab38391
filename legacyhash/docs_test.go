package legacyhash_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// squeeze is the lines of s without the space around them.
func squeeze(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return b.String()
}

// What the page on importing shows is compiled and run.
func TestTheSnippetsOfTheDocsAreThoseOfTheExamples(t *testing.T) {
	examples := ""
	for _, name := range []string{"example_test.go", "example_import_test.go"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		examples += squeeze(string(b))
	}
	page, err := os.ReadFile("../docs/importing.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```go\n")[1:]
	assert.Len(t, blocks, 7)
	for _, block := range blocks {
		code, _, ok := strings.Cut(block, "```")
		require.True(t, ok)
		code = strings.TrimRight(squeeze(code), "\n ") + "\n"
		assert.Contains(t, examples, code)
	}
}
