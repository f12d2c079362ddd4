package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// listenTimeout bounds the look-up of a listen address.
const listenTimeout = 5 * time.Second

// Listen listens where the named variable says, or explains which variable to change.
func Listen(ctx context.Context, variable, addr string) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, listenError(ctx, variable, addr, err)
	}
	return l, nil
}

// listenError explains why addr could not be listened on, and names the environment variable to change. It wraps err.
func listenError(ctx context.Context, variable, addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program: stop it, or choose another address with %s%s: %w",
			addr, variable, suggestion(ctx, variable, addr), err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s%s: %w",
			addr, variable, suggestion(ctx, variable, addr), err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine does not have the address %s: change %s: %w", addr, variable, err)
	default:
		return fmt.Errorf("listen on %s (set by %s): %w", addr, variable, err)
	}
}

// suggestion is an example with a port that is free now, or nothing.
func suggestion(ctx context.Context, variable, addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	free, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return ""
	}
	defer func() { _ = free.Close() }()
	return fmt.Sprintf(" (such as %s=%s)", variable, free.Addr())
}
