package devstack

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const loopback = "127.0.0.1"

// FreePort returns a TCP port that was free on the loopback interface a moment ago. Another program may take it before
// the caller does: be ready to try again.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ListenError explains why addr could not be listened on, and names the environment variable to change. It wraps err.
func ListenError(variable, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program: stop it, or choose another address with %s%s: %w",
			addr, variable, suggestion(variable, addr), err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s%s: %w",
			addr, variable, suggestion(variable, addr), err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine does not have the address %s: change %s: %w", addr, variable, err)
	default:
		return fmt.Errorf("listen on %s (set by %s): %w", addr, variable, err)
	}
}

// suggestion is an example with a port that is free now, or nothing.
func suggestion(variable, addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	port, err := FreePort()
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (such as %s=%s)", variable, net.JoinHostPort(host, strconv.Itoa(port)))
}

// onPort calls start with the wanted port or, where that is 0, with a free one, and tries again with another when
// somebody took it in between. It returns the port that start succeeded with.
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
