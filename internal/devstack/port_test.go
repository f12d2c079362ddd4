package devstack_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/devstack"
)

func TestListenError_namesTheVariableToSet(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()
	_, err = net.Listen("tcp", addr)

	err = devstack.ListenError("HTTP_ADDR", addr, err)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, addr+" is taken by another program")
	require.Regexp(t, `such as HTTP_ADDR=127\.0\.0\.1:\d+`, err.Error())
}

func TestFreePort_canBeListenedOn(t *testing.T) {
	t.Parallel()
	port, err := devstack.FreePort()
	require.NoError(t, err)
	require.Positive(t, port)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
