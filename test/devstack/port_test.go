package devstack_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/devstack"
)

func TestFreePort_canBeListenedOn(t *testing.T) {
	t.Parallel()
	port, err := devstack.FreePort()
	require.NoError(t, err)
	require.Positive(t, port)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
