//go:build !linux

package httpapi

import "net"

// hangups can't watch connections together here.
type hangups struct{}

func (*hangups) watch(net.Conn, func()) (key uint64, ok bool) { return 0, false }

func (*hangups) forget(uint64) {}
