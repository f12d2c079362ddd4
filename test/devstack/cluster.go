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

// initialise makes the cluster unless there is one, and reads its password.
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

// initdb makes the cluster under another name first, so that one cut short is never taken for whole.
//
// A password is asked for even on the loopback interface: without one, every user of the machine would be a superuser
// of the database, and through it (copy … to program) this user.
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
	// A locale that knows Unicode, as hosted databases have, or lower() would know ASCII alone. macOS has no C.UTF-8.
	for _, locale := range []string{"C.UTF-8", "en_US.UTF-8", "C"} {
		if err := os.RemoveAll(fresh); err != nil {
			return fmt.Errorf("clear the leavings of an earlier try: %w", err)
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

// clearStale removes the notes of a postmaster that was killed. Postgres does so by itself, unless the process id in
// them has been given to another program meanwhile, which is the rule in containers. A postmaster that somebody
// started by hand on these data does not hold our lock, and is left alone.
func (p *Postgres) clearStale() error {
	pid := p.notedPID()
	if pid == 0 {
		return nil
	}
	if strings.Contains(processName(pid), "postgres") {
		return fmt.Errorf("a server that was started by hand runs on %s: stop it first, with kill -INT %d: %w", p.cluster(), pid, ErrInUse)
	}
	if err := os.Remove(p.pidFile()); err != nil {
		return fmt.Errorf("remove the notes of a killed server: %w", err)
	}
	return nil
}

// holder names the process of the server that holds the lock, where it can, for a message.
func (p *Postgres) holder() string {
	if pid := p.notedPID(); pid != 0 {
		return fmt.Sprintf("(process %d) ", pid)
	}
	return ""
}

// notedPID returns the process id in the postmaster's notes, or 0.
func (p *Postgres) notedPID() int {
	notes, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(notes, []byte("\n"))
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
