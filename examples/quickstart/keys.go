package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// keysOf returns the keys of a database that is kept. They are kept apart from it: whoever gets hold of the database or a backup
// of it has no use for what is in there. A real host has them in its secret manager.
//
// A database that is new gets a new key. One that has lost its key does not: its tokens would be dead without a word.
func keysOf(file string, isNew bool) (hallpass.Keys, error) {
	name := file + ".key"
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && isNew {
		text = []byte(hex.EncodeToString(hallpass.GenerateKey()) + "\n")
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		return hallpass.Keys{}, fmt.Errorf("the key of the database: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return hallpass.Keys{}, fmt.Errorf("the key of the database: %s does not hold one", name)
	}
	return hallpass.NewKeys(key)
}

// isNew reports whether there is nothing in a file yet. Ask before it is opened as a database.
func isNew(file string) bool {
	info, err := os.Stat(file)
	return err != nil || info.Size() == 0
}
