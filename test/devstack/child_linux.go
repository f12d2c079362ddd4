package devstack

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// startTied starts cmd so that the kernel sends it SIGINT, a clean and quick stop for both servers, when this process
// ends in any way. The signal follows the thread that forked (prctl(2), PR_SET_PDEATHSIG), so the calling goroutine
// keeps its thread for ever.
func startTied(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	return cmd.Start()
}

// watch is for systems that can't tie a child to its parent.
func watch(*os.Process) (release func(), err error) {
	return func() {}, nil
}
