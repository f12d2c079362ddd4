//go:build !linux

package devstack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// startTied starts cmd. Only Linux can tie it to its parent; watch does that here.
func startTied(cmd *exec.Cmd) error {
	return cmd.Start()
}

// watch starts a shell that waits for the end of a pipe which only this process holds open, and then sends p SIGINT, a
// clean and quick stop for both servers. The caller calls release once p has ended.
func watch(p *os.Process) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}, fmt.Errorf("open the watchdog's pipe: %w", err)
	}
	defer func() { _ = r.Close() }()
	guard := exec.Command("/bin/sh", "-c", `read -r _; kill -INT "$1"`, "watchdog", strconv.Itoa(p.Pid))
	guard.Dir = "/"
	guard.Stdin = r
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := guard.Start(); err != nil {
		_ = w.Close()
		return func() {}, fmt.Errorf("start the watchdog: %w", err)
	}
	return func() {
		_ = guard.Process.Kill()
		_ = guard.Wait()
		_ = w.Close()
	}, nil
}
