package devstack

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// startTied starts cmd so that the kernel sends it SIGINT, which stops both servers cleanly and quickly, when this process ends
// for whatever reason. The signal is bound to the thread that forked (prctl(2), PR_SET_PDEATHSIG), so the calling goroutine
// stays locked to its thread.
func startTied(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	return cmd.Start()
}

// watch does nothing here; see child_other.go for systems that can't tie a child to its parent.
func watch(*os.Process) (release func(), err error) {
	return func() {}, nil
}
