//go:build !unix

package git

import "os/exec"

// together does nothing here: a command is killed alone, and what it started ends when it finds its pipes closed.
func together(*exec.Cmd) {}
