package measure

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseStat_whateverTheCommandIsCalled(t *testing.T) {
	t.Parallel()
	s := parseStat("42 (a (strange) name) S 7 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0 1 0 100 1000 50\n")
	require.Equal(t, "7", s[parent])
	require.Equal(t, 1100*time.Millisecond, s.cpu(), "with its children's")
	require.Equal(t, 330*time.Millisecond, s.own())
	require.Zero(t, stat(nil).cpu(), "of a process that has ended")
}

func TestParseBusy_leavesOutIdlenessAndWaits(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2190*time.Millisecond, parseBusy("cpu  100 10 50 4000 900 20 30 9 5 0\ncpu0 1 1 1 1\n"))
}

func TestParseMemory_readsKilobytes(t *testing.T) {
	t.Parallel()
	status := "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
	require.InDelta(t, 2<<20, parseMemory(status, "VmHWM"), 1e-9)
	require.InDelta(t, 1<<20, parseMemory(status, "VmRSS"), 1e-9)
	require.Zero(t, parseMemory(status, "VmSwap"))
}

func TestTree_hasChildren(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	defer func() { require.NoError(t, cmd.Process.Kill()); _ = cmd.Wait() }()
	pids, err := tree([]int{os.Getpid()})
	require.NoError(t, err)
	require.Contains(t, pids, strconv.Itoa(os.Getpid()))
	require.Contains(t, pids, strconv.Itoa(cmd.Process.Pid))
	bytes, err := Resident([]int{os.Getpid()})
	require.NoError(t, err)
	require.Greater(t, bytes, 1e6)
}

func TestProcess_countsFinerThanTicks(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	cpu, err := Process(cmd.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, cpu, "its start takes less than a tick")
	_, err = Process(-1)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSpent_tellsOthersApart(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	before := reading{at: begun, busy: 10 * time.Second, cpu: map[string]time.Duration{"server": time.Second, Load: 0}}
	after := reading{at: begun.Add(2 * time.Second), busy: 13 * time.Second, cpu: map[string]time.Duration{"server": 2 * time.Second, Load: time.Second}}
	cost := spent(before, after, 2)
	require.Equal(t, time.Second, cost.CPU["server"])
	require.InDelta(t, 0.25, cost.Other, 1e-9, "one second of four was neither's")
}
