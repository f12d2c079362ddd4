package main

import "syscall"

// spareFiles is how many files a process has open beside its streams.
const spareFiles = 500

// filesAllowed tries to raise the limit of open files to the wanted number, and returns the limit for this process and its
// children.
func filesAllowed(wanted int) int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	if limit.Cur < uint64(wanted) {
		raised := syscall.Rlimit{Cur: uint64(wanted), Max: max(limit.Max, uint64(wanted))}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			return wanted
		}
		raised = syscall.Rlimit{Cur: limit.Max, Max: limit.Max} // without a privilege, no more than this
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			return int(limit.Max)
		}
	}
	return int(limit.Cur)
}
