package servers

import "syscall"

// tie has the kernel kill a process when this one ends for whatever reason, so that no paused process is left behind.
func tie(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
