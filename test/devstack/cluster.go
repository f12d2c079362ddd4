package devstack

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// initialise creates the database cluster unless there is one, and reads its password.
func (p *Postgres) initialise(ctx context.Context, lock *os.File) error {
	path := filepath.Join(p.home, "password")
	if _, err := os.Stat(filepath.Join(p.cluster(), "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
		if err := p.initdb(ctx, path, lock); err != nil {
			return fmt.Errorf("initialise %s: %w", p.cfg.DataDir, err)
		}
	}
	password, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the server's password: %w", err)
	}
	p.password = strings.TrimSpace(string(password))
	return nil
}

// initdb creates the cluster under another name first, so that one whose creation was interrupted is never used.
//
// The server asks for a password even on the loopback interface: without one, every user of the machine would be a superuser of
// the database, and through it (copy … to program) act as this user.
func (p *Postgres) initdb(ctx context.Context, passwordFile string, lock *os.File) error {
	if err := os.WriteFile(passwordFile, []byte(rand.Text()+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the password: %w", err)
	}
	if p.who != nil {
		if err := os.Chown(passwordFile, int(p.who.Uid), int(p.who.Gid)); err != nil {
			return fmt.Errorf("give away the password: %w", err)
		}
	}
	fresh := p.cluster() + ".new"
	var failures []error
	// A Unicode locale, as hosted databases have; otherwise lower() would handle ASCII only. macOS has no C.UTF-8.
	for _, locale := range []string{"C.UTF-8", "en_US.UTF-8", "C"} {
		if err := os.RemoveAll(fresh); err != nil {
			return fmt.Errorf("remove an interrupted attempt: %w", err)
		}
		args := []string{
			"-D", fresh, "-U", superuser, "--auth=scram-sha-256", "--pwfile=" + passwordFile,
			"--encoding=UTF8", "--locale=" + locale,
		}
		if !p.cfg.Durable {
			args = append(args, "--no-sync", "--wal-segsize=4")
		}
		cmd := exec.Command(filepath.Join(p.cfg.Binaries, "initdb"), args...)
		cmd.Env = serverEnv()
		cmd.ExtraFiles = []*os.File{lock}
		err := runChild(ctx, cmd, p.who, nil)
		if err == nil {
			return os.Rename(fresh, p.cluster())
		}
		failures = append(failures, err)
		if ctx.Err() != nil || !strings.Contains(err.Error(), "locale") {
			break
		}
	}
	return errors.Join(failures...)
}

// clearStale removes the postmaster.pid of a server that was killed. Postgres does so by itself, unless another program has got
// the process id meanwhile, which is usual in containers. A server that was started by hand on these data does not hold our lock;
// then clearStale returns [ErrInUse].
func (p *Postgres) clearStale() error {
	pid := p.recordedPID()
	if pid == 0 {
		return nil
	}
	if strings.Contains(processName(pid), "postgres") {
		return fmt.Errorf("a server that was started by hand runs on %s: stop it first, with kill -INT %d: %w", p.cluster(), pid, ErrInUse)
	}
	if err := os.Remove(p.pidFile()); err != nil {
		return fmt.Errorf("remove postmaster.pid of a killed server: %w", err)
	}
	return nil
}

// holder names the process of the server that holds the lock, where it can, for a message.
func (p *Postgres) holder() string {
	if pid := p.recordedPID(); pid != 0 {
		return fmt.Sprintf("(process %d) ", pid)
	}
	return ""
}

// recordedPID returns the process id in postmaster.pid, or 0.
func (p *Postgres) recordedPID() int {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		return 0
	}
	return pid
}

// processName returns the name of a running process, or "" where there is none.
func processName(pid int) string {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return ""
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil {
		return string(name)
	}
	name, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output() // #nosec G204 -- a number
	if err != nil {
		return "postgres" // can't tell: rather refuse than start a second server on the same files
	}
	return string(name)
}
