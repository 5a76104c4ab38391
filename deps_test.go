package hallpass_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever imports hallpass gets no driver and no test library, and who imports the root gets neither HTTP nor SQL.
func TestWhatIsImported(t *testing.T) {
	deps := func(pkg string) []string {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		return strings.Fields(string(out))
	}
	for _, pkg := range []string{".", "./memstore", "./sqlstore", "./storetest", "./bearer", "./hallpasstest"} {
		for _, dep := range deps(pkg) {
			outside := strings.Contains(strings.Split(dep, "/")[0], ".") && !strings.HasPrefix(dep, "github.com/hallpass-go/hallpass")
			assert.False(t, outside, "%s imports %s", pkg, dep)
		}
	}
	for _, dep := range deps("./legacyhash") {
		outside := strings.Contains(strings.Split(dep, "/")[0], ".") && !strings.HasPrefix(dep, "github.com/hallpass-go/hallpass")
		assert.False(t, outside && !strings.HasPrefix(dep, "golang.org/x/"), "legacyhash imports %s", dep)
	}
	root := deps(".")
	assert.False(t, slices.Contains(root, "net/http"))
	assert.False(t, slices.Contains(root, "database/sql"))
}
