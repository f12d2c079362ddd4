package queue_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gocraft/work prints its failures on standard output, thousands a second while Redis is away. So the tests in which
// Redis goes away run once more, in a process whose output can be checked.
func TestQueue_keepsTheLibraryQuiet(t *testing.T) {
	t.Parallel()
	tests, err := os.Executable()
	require.NoError(t, err)
	again := exec.CommandContext(t.Context(), tests, "-test.v", "-test.run=^Test(Queue|Consumers)_.*Redis") // #nosec G204 -- this program itself
	output, err := again.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "--- PASS: TestConsumers_surviveRestartsOfRedis")
	require.Contains(t, string(output), "--- PASS: TestConsumers_drainWhileRedisIsAway")
	require.Zero(t, strings.Count(string(output), "ERROR:"), string(output))
}
