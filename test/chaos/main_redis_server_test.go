//go:build redis_server

// Package chaos_test kills, freezes, cuts off and empties the processes and servers of a whole deployment while clients use
// it, and then checks what must hold nevertheless: every order is one job that ended once, the ledger adds up, and no lease, no
// slot and no object is left behind.
package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// programs is the directory of the binaries under test, built once.
var programs string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "mugshot-chaos-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(programs) }()
	said, err := exec.Command("go", "build", "-o", programs, "../../cmd/mugshot", "./skewed").CombinedOutput()
	if err != nil {
		return 1, fmt.Errorf("build the programs: %w\n%s", err, said)
	}
	return m.Run(), nil
}
