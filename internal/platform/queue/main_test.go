package queue_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// gocraft/work prints its failures on standard output, thousands a second while Redis is away. So the tests in which
// Redis goes away run once more, in a process whose output can be looked at.
func TestStandardOutput(t *testing.T) {
	t.Parallel()
	tests, err := os.Executable()
	require.NoError(t, err)
	again := exec.CommandContext(t.Context(), tests, "-test.v", "-test.run=^(TestRecovery|TestDrain|TestPush)_.*[rR]edis") // #nosec G204 -- this very program
	output, err := again.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "--- PASS: TestRecovery_redisRestarts")
	require.Contains(t, string(output), "--- PASS: TestDrain_redisAway")
	require.Zero(t, strings.Count(string(output), "ERROR:"), string(output))
}
