// Package process_test tests the built programs from outside: it runs several processes on real servers, kills and freezes them,
// empties and stops Redis, and then checks jobs, credits and pictures.
package process_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/test/devstack"
)

// long bounds every wait, on a loaded machine too. Tests log how long they did wait.
const long = 2 * time.Minute

// The programs under test, built once for all tests of this package.
var binary, devBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mugshot-process-")
	if err == nil {
		binary, devBinary = filepath.Join(dir, "mugshot"), filepath.Join(dir, "mugshot-dev")
		var said []byte
		if said, err = exec.Command("go", "build", "-o", dir, "../../cmd/mugshot", "../../cmd/mugshot-dev").CombinedOutput(); err != nil {
			err = fmt.Errorf("build mugshot: %w\n%s", err, said)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m,
		goleak.Cleanup(func(code int) {
			_ = os.RemoveAll(dir)
			os.Exit(code)
		}),
		// The servers that all tests share end with this process.
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).run"),
		goleak.IgnoreAnyFunction("github.com/mugshot-studio/backend/test/devstack.(*child).copyOutput"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).serve"),
		goleak.IgnoreAnyFunction("github.com/alicebob/miniredis/v2/server.(*Server).servePeer"),
	)
}

// web is the tests' HTTP client. Connections live as long as one exchange, so that none outlives its test.
var web = &http.Client{Timeout: long, Transport: &http.Transport{DisableKeepAlives: true}}

// process is a running mugshot.
type process struct {
	cmd    *exec.Cmd
	http   string // the address of HTTP_ADDR, if it listens there
	admin  string // and of ADMIN_ADDR
	output output
	exited chan struct{} // closed when the process has been reaped
}

// output collects the output of a process.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.String()
}

// start runs a command of mugshot in a directory, with an environment of its own and free ports, unless env says
// otherwise. It is killed when the test ends, at the latest, and what it said shown if the test failed.
func start(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	return startAs(t, dir, env, binary, args...)
}

// startAs is start of another program: mugshot-dev, or one that becomes mugshot.
func startAs(t *testing.T, dir string, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{http: freeAddress(t), admin: freeAddress(t), exited: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "ADMIN_ADDR=" + p.admin}, env...)
	if _, err := os.Stat(filepath.Join(dir, ".env")); err != nil { // the environment would override the file
		p.cmd.Env = append([]string{"HTTP_ADDR=" + p.http}, p.cmd.Env...)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // its result is in ProcessState
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", strings.Join(p.cmd.Args[1:], " "), lastLines(p.output.String(), 40))
		}
	})
	return p
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// run runs a command of mugshot to its end.
func run(t *testing.T, dir string, env []string, args ...string) (code int, said string) {
	t.Helper()
	p := start(t, dir, env, args...)
	return p.wait(t), p.output.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := devstack.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// awaitReady waits until an address answers /readyz with 200.
func (p *process) awaitReady(t *testing.T, address string) {
	t.Helper()
	eventuallyf(t, func() bool {
		select {
		case <-p.exited:
			require.FailNow(t, "ended before it was ready")
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return status(ctx, "http://"+address+"/readyz") == http.StatusOK
	}, "not ready: %s", address)
}

// status asks for a page and returns the status of the answer, or 0 where there is none.
func status(ctx context.Context, url string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0
	}
	answer, err := web.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// kill ends the process with SIGKILL, without a chance to tidy up, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended already
	<-p.exited
}

// wait returns the exit code, once there is one.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(long):
		require.FailNow(t, "still running", p.output.String())
		return 0
	}
}

// stop sends a signal and expects that the process ends with exit code 0. It returns how long that took.
func (p *process) stop(t *testing.T, s os.Signal) time.Duration {
	t.Helper()
	begun := time.Now()
	p.signal(t, s)
	require.Zero(t, p.wait(t), "exit code")
	return time.Since(begun)
}

// eventuallyf waits until a condition holds.
func eventuallyf(t *testing.T, condition func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(long); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			require.FailNowf(t, "waited in vain", format, args...)
		}
	}
}

// openDir makes a directory that every user may pass through. If root runs the tests, Postgres runs as another user, who has no
// access to t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mugshot-process-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// freeze suspends a process with SIGSTOP.
func (p *process) freeze(t *testing.T) { p.signal(t, syscall.SIGSTOP) }

// thaw resumes a frozen process.
func (p *process) thaw(t *testing.T) { p.signal(t, syscall.SIGCONT) }
