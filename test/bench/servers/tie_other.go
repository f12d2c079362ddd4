//go:build !linux

package servers

import "syscall"

// tie does nothing: without /proc, nothing is measured on these systems.
func tie(*syscall.SysProcAttr) {}
