package app

import "syscall"

// keptDescriptors is the share of the process's descriptors that event streams leave to everything else: requests, the pools
// of Postgres and Redis, and calls of providers.
const keptDescriptors = 4 // one in four

// maxStreams is how many event streams may be open at a time, each of which takes a descriptor: 0, which is without limit,
// where the system does not tell how many descriptors there are.
func maxStreams() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	const enough = 1 << 20 // of those there are on some systems; more would be memory's matter
	return int(min(limit.Cur, enough)) / keptDescriptors * (keptDescriptors - 1)
}
