package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a mugshot in a process of its own, so that its costs are measured without those of its clients.
type Server struct {
	HTTP, Admin string // where it listens

	cmd    *exec.Cmd
	client http.Client
}

// Start runs a command of a built mugshot, and returns when it is ready. The caller must call [Server.Stop].
func Start(ctx context.Context, binary, httpAddr, adminAddr string, env []string, args ...string) (*Server, error) {
	s := &Server{HTTP: httpAddr, Admin: adminAddr, cmd: exec.Command(binary, args...), client: http.Client{Timeout: 10 * time.Second}}
	s.cmd.Env = append([]string{"HTTP_ADDR=" + httpAddr, "ADMIN_ADDR=" + adminAddr, "LOG_LEVEL=error"}, env...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	for {
		if _, err := s.get(ctx, "/readyz"); err == nil {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s is not ready: %w", binary, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop stops the process with SIGTERM, and returns an error if its exit code is not 0.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	return nil
}

// Usage is the memory and the goroutines of a process, and its computing time so far.
type Usage struct {
	RSS, Heap, Stack float64 // bytes
	Goroutines       float64
	Files            float64
	CPU              float64 // seconds
}

var names = map[string]func(*Usage) *float64{
	"process_resident_memory_bytes": func(u *Usage) *float64 { return &u.RSS },
	"go_memstats_heap_inuse_bytes":  func(u *Usage) *float64 { return &u.Heap },
	"go_memstats_stack_inuse_bytes": func(u *Usage) *float64 { return &u.Stack },
	"go_goroutines":                 func(u *Usage) *float64 { return &u.Goroutines },
	"process_open_fds":              func(u *Usage) *float64 { return &u.Files },
	"process_cpu_seconds_total":     func(u *Usage) *float64 { return &u.CPU },
}

// Usage reads the process's own metrics.
func (s *Server) Usage(ctx context.Context) (u Usage, err error) {
	page, err := s.get(ctx, "/metrics")
	if err != nil {
		return u, err
	}
	found := 0
	for lines := bufio.NewScanner(strings.NewReader(page)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if field := names[name]; field != nil {
			if *field(&u), err = strconv.ParseFloat(value, 64); err != nil {
				return u, fmt.Errorf("read %s: %w", name, err)
			}
			found++
		}
	}
	if found != len(names) {
		return u, fmt.Errorf("found %d of %d metrics", found, len(names))
	}
	return u, nil
}

func (s *Server) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+path, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := s.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %d", path, res.StatusCode)
	}
	return string(body), nil
}
