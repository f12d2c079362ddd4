//go:build !linux

package servers

import "syscall"

// tie does nothing where there is no /proc either, and so nothing to measure.
func tie(*syscall.SysProcAttr) {}
