//go:build redis_server

package chaos_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// member is one API or worker of the deployment: its settings, the network between it and the servers, and the process that
// runs now. When a process ends, the next one takes its addresses and its links.
type member struct {
	name     string
	role     string
	skew     time.Duration // of its clock
	slots    int           // for jobs
	env      []string
	dir      string
	http     string // where it listens
	admin    string
	postgres *link
	redis    *link

	mu     sync.Mutex // held while a fault stops, kills or freezes the process
	cmd    *exec.Cmd
	exited chan struct{}
	output tail
}

// tail keeps the output of the processes of a member.
type tail struct {
	mu   sync.Mutex
	said bytes.Buffer
}

// last returns the last n lines, without the requests that were answered with 503: each crash of Postgres has hundreds.
func (o *tail) last(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := slices.DeleteFunc(strings.Split(o.said.String(), "\n"), func(line string) bool {
		return strings.Contains(line, "status=503")
	})
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Write implements io.Writer.
func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

// start starts a process and does not wait until it is ready: Postgres and Redis may be away.
func (m *member) start(t *testing.T) {
	m.cmd = exec.Command(filepath.Join(programs, "mugshot"), m.role)
	if m.skew != 0 {
		m.cmd = exec.Command(filepath.Join(programs, "skewed"), m.role, m.skew.String())
	}
	m.cmd.Dir, m.cmd.Env = m.dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, m.env...)
	m.cmd.Stdout, m.cmd.Stderr = &m.output, &m.output
	if err := m.cmd.Start(); err != nil {
		t.Errorf("%s did not start: %v", m.name, err)
		return
	}
	exited, cmd := make(chan struct{}), m.cmd
	m.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its result is in ProcessState
	}()
}

// kill ends the process without a chance to tidy up.
func (m *member) kill() {
	_ = m.cmd.Process.Signal(syscall.SIGKILL) // fails only when it has ended already
	<-m.exited
}

// stop sends SIGTERM and waits for the end. A process that does not handle signals yet is killed by it.
func (m *member) stop(t *testing.T) {
	_ = m.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.exited:
	case <-time.After(long):
		t.Errorf("%s does not stop when it is told to", m.name)
		m.kill()
	}
}

// ready tells whether /readyz of the process answers 200.
func (m *member) ready() bool {
	address := m.admin
	if m.role == "api" {
		address = m.http
	}
	answer, err := web.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
