//go:build !linux

package sse

import "net"

// disconnectWatcher watches no connection here: each has a goroutine (connTransport.watch).
type disconnectWatcher struct{}

func (*disconnectWatcher) watch(net.Conn, func()) (key uint64, ok bool) { return 0, false }

func (*disconnectWatcher) forget(uint64) {}
