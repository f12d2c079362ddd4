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

// watch starts a shell that waits until the pipe is closed which only this process holds open, and then sends p SIGINT, which
// stops both servers cleanly and quickly. The caller must call release once p has ended.
func watch(p *os.Process) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}, fmt.Errorf("open the watchdog's pipe: %w", err)
	}
	defer func() { _ = r.Close() }()
	watchdog := exec.Command("/bin/sh", "-c", `read -r _; kill -INT "$1"`, "watchdog", strconv.Itoa(p.Pid))
	watchdog.Dir = "/"
	watchdog.Stdin = r
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := watchdog.Start(); err != nil {
		_ = w.Close()
		return func() {}, fmt.Errorf("start the watchdog: %w", err)
	}
	return func() {
		_ = watchdog.Process.Kill()
		_ = watchdog.Wait()
		_ = w.Close()
	}, nil
}
