//go:build unix

package git

import (
	"os/exec"
	"syscall"
)

// together lets a command end with all that it starts: git runs git, and hooks. They are asked to end, so that locks are put away.
func together(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
}
