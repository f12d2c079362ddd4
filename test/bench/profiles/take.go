// Package profiles reads the profiles of running processes and reports by areas of the program where computing time, memory and
// waits go.
package profiles

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/pprof/profile"
	"golang.org/x/sync/errgroup"
)

// Kind is a profile by its name under /debug/pprof/.
type Kind string

// The kinds that are taken.
const (
	CPU    Kind = "profile"
	Allocs Kind = "allocs"
	Block  Kind = "block"
)

// Set holds the profiles of one process, taken in the same seconds.
type Set map[Kind]*profile.Profile

// Take reads all profiles of the process whose admin server is at addr, at the same time, and keeps them in dir as files for
// `go tool pprof`, whose names begin with name.
func Take(ctx context.Context, addr string, seconds int, dir, name string) (Set, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	kinds := []Kind{CPU, Allocs, Block}
	taken := make([]*profile.Profile, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		group.Go(func() error {
			raw, err := fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", addr, kind, seconds))
			if err != nil {
				return fmt.Errorf("%s profile: %w", kind, err)
			}
			if taken[i], err = profile.Parse(bytes.NewReader(raw)); err != nil {
				return fmt.Errorf("%s profile: %w", kind, err)
			}
			return os.WriteFile(filepath.Join(dir, name+"."+string(kind)+".pb.gz"), raw, 0o644)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	set := Set{}
	for i, kind := range kinds {
		set[kind] = taken[i]
	}
	return set, nil
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	client := http.Client{} // for as long as ctx lasts
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", answer.Status, raw)
	}
	return raw, err
}
