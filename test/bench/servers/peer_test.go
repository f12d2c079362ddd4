package servers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stand-in does what Python does when it starts: it looks in PATH for the program that it was started as.
func TestPeer_isStartedByAnInterpreterThatFindsItself(t *testing.T) {
	dir := t.TempDir()
	python := filepath.Join(dir, "python3")
	require.NoError(t, os.WriteFile(python, []byte("#!/bin/sh\ncommand -v python3\necho \"$JWT_SECRET\"\n"), 0o755))
	t.Setenv("PATH", dir)
	t.Setenv("JWT_SECRET", "not the peer's")

	found, versions := FindPython(t.Context())
	require.Equal(t, "python3", found)
	require.Equal(t, python, versions, "what is asked for the modules runs as the peer will")

	said, err := peer{python: found, source: dir}.command([]string{"JWT_SECRET=secret"}, "uvicorn").Output()
	require.NoError(t, err)
	require.Equal(t, python+"\nsecret\n", string(said))
}
