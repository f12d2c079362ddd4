package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	pollInterval = 20 * time.Millisecond
)

// process is a measured program with all its children, in a process group of its own.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{} // closed when it has been reaped
}

// start starts a program. Its output goes to a file in dir.
func start(dir, name string, cmd *exec.Cmd) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches only this process, which then stops the program
	tie(cmd.SysProcAttr)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the signal of tie is bound to the thread that started the program
		defer close(p.exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // that it ended is all that matters
		}
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal sends a signal to the whole group. A group that has ended is no error.
func (p *process) signal(s syscall.Signal) error {
	if err := syscall.Kill(-p.pid(), s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// stop sends SIGTERM to the program, and kills the whole group when it has ended or stopTimeout has passed.
func (p *process) stop() error {
	err := errors.Join(p.signal(syscall.SIGCONT), syscall.Kill(p.pid(), syscall.SIGTERM))
	if errors.Is(err, syscall.ESRCH) {
		err = nil
	}
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
	}
	err = errors.Join(err, p.signal(syscall.SIGKILL))
	<-p.exited
	return errors.Join(err, p.log.Close())
}

// await waits until ready returns true.
func (p *process) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended before it was ready: %s", p.name, p.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.name, ctx.Err(), p.lastLines())
		case <-time.After(pollInterval):
		}
	}
	return nil
}

// says returns a function that tells whether words are in the log.
func (p *process) says(words string) func(context.Context) bool {
	return func(context.Context) bool {
		text, err := os.ReadFile(p.log.Name())
		return err == nil && strings.Contains(string(text), words)
	}
}

// lastLines returns the end of the log.
func (p *process) lastLines() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
