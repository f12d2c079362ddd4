package devstack

import (
	"fmt"
	"net"
)

const loopback = "127.0.0.1"

// FreePort returns a TCP port that was free on the loopback interface a moment ago. Another program may take it before the caller
// does, so the caller should be able to try again.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// onPort calls start with the wanted port or, if that is 0, with a free one, and tries again with another when that one was taken
// in between. It returns the port with which start succeeded.
func onPort(wanted int, start func(port int) (taken bool, err error)) (int, error) {
	if wanted != 0 {
		_, err := start(wanted)
		return wanted, err
	}
	for attempt := 1; ; attempt++ {
		port, err := FreePort()
		if err != nil {
			return 0, err
		}
		taken, err := start(port)
		if !taken || attempt == 3 {
			return port, err
		}
	}
}
