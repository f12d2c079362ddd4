package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	stopTimeout   = 10 * time.Second       // from the first signal to SIGKILL
	pollInterval  = 5 * time.Millisecond   // between two checks of a starting server
	outputKept    = 4 << 10                // bytes of a child's last output, shown when it fails
	outputTimeout = 500 * time.Millisecond // for output that grandchildren still hold open after their parent's end
)

// child is a process that ends with this one, at the latest.
type child struct {
	cmd    *exec.Cmd
	output *tail
	done   chan struct{} // closed when the process has been reaped
	err    error         // of Wait; to be read after done
}

// startChild starts cmd in a process group of its own, so that Ctrl-C on the terminal reaches the parent alone, which
// then stops its children in order. Its output goes to log, which may be nil; the end of it is kept for errors.
func startChild(cmd *exec.Cmd, who *syscall.Credential, log io.Writer) (*child, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe for the output of %s: %w", cmd.Path, err)
	}
	cmd.Dir = "/" // the caller's directory may be closed to who
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who}
	c := &child{cmd: cmd, output: &tail{next: log}, done: make(chan struct{})}

	started := make(chan error, 1)
	go c.run(r, w, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return c, nil
}

// run starts the process and waits for it, both on the same goroutine, since startTied may depend on its thread.
func (c *child) run(r, w *os.File, started chan<- error) {
	defer func() { _ = r.Close() }()
	err := startTied(c.cmd)
	_ = w.Close()
	if err != nil {
		started <- err
		return
	}
	copied := make(chan struct{})
	go c.copyOutput(r, copied)
	release, err := watch(c.cmd.Process)
	if err != nil {
		_ = c.cmd.Process.Kill()
	}
	started <- err

	c.err = c.cmd.Wait()
	release()
	_ = r.SetReadDeadline(time.Now().Add(outputTimeout))
	<-copied
	close(c.done)
}

func (c *child) copyOutput(r io.Reader, copied chan<- struct{}) {
	defer close(copied)
	_, _ = io.Copy(c.output, r)
}

// running tells whether the process has not ended yet.
func (c *child) running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// stop sends a signal, and kills the process if it has not ended after stopTimeout.
func (c *child) stop(first os.Signal) error {
	if !c.running() {
		return nil
	}
	if err := c.cmd.Process.Signal(first); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.cmd.Path, err)
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(stopTimeout):
		c.kill()
		return fmt.Errorf("%s did not stop within %s and was killed", c.cmd.Path, stopTimeout)
	}
}

// kill ends the process without giving it a chance to tidy up, and returns when it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only when it has ended already
	<-c.done
}

// await calls ready at short intervals until it returns true. It returns an error when the process ends before, or
// ctx does, in which case the process is killed.
func (c *child) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return c.failure()
		case <-ctx.Done():
			c.kill()
			return fmt.Errorf("wait for %s: %w", c.cmd.Path, ctx.Err())
		case <-tick.C:
			if c.running() && ready() { // after its end, another program may answer
				return nil
			}
		}
	}
}

// failure describes an unexpected end. Call it after done only.
func (c *child) failure() error {
	if said := c.output.String(); said != "" {
		return fmt.Errorf("%s ended (%v) and said:\n%s", c.cmd.Path, c.cmd.ProcessState, said)
	}
	return fmt.Errorf("%s ended (%v) without a word", c.cmd.Path, c.cmd.ProcessState)
}

// runChild runs cmd to its end.
func runChild(ctx context.Context, cmd *exec.Cmd, who *syscall.Credential, log io.Writer) error {
	c, err := startChild(cmd, who, log)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		c.kill()
		return fmt.Errorf("run %s: %w", cmd.Path, ctx.Err())
	}
	if c.err != nil {
		return c.failure()
	}
	return nil
}

// tail passes on what is written to it, and keeps the end of it. Write never fails, so that a broken log can't block the process
// that writes.
type tail struct {
	mu   sync.Mutex
	last []byte
	next io.Writer // may be nil
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, p...)
	if extra := len(t.last) - outputKept; extra > 0 {
		t.last = append(t.last[:0], t.last[extra:]...)
	}
	t.mu.Unlock()
	if t.next != nil {
		_, _ = t.next.Write(p)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.last))
}
