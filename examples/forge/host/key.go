package host

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// openKey reads the key file, or makes one that nobody else may read. A real service keeps its key where it keeps its other secrets,
// and never beside the database: a backup of this folder is worth as much as all of its tokens.
func openKey(file string) (hallpass.Keys, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(hex.EncodeToString(hallpass.GenerateKey()) + "\n")
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return hallpass.Keys{}, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		// The error of hex shows a byte of what it was given.
		return hallpass.Keys{}, fmt.Errorf("the key file %s is no line of hexadecimal digits", file)
	}
	return hallpass.NewKeys(key)
}
