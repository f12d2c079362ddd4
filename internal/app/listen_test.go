package app_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/app"
)

func TestListen_namesTheVariableToSet(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	addr := taken.Addr().String()

	_, err = app.Listen(t.Context(), "HTTP_ADDR", addr)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, addr+" is taken by another program")
	require.Regexp(t, `such as HTTP_ADDR=127\.0\.0\.1:\d+`, err.Error())
}
