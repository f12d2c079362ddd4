package servers

import "syscall"

// tie has the kernel kill a process when this one ends in any way, so that none is left behind, standing still.
func tie(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
