package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The program in the README is this one, so that what people copy compiles.
func TestTheREADMEHasThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(program), "\n") // but for the comment
	assert.Equal(t, 1, strings.Count(string(readme), "```go\n"), "there is one program in the README")
	assert.Contains(t, string(readme), "```go\n"+code+"```\n")
}
