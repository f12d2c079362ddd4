package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// publicRoot holds data whose own directory only root can reach, such as a checkout under /root, since the server then runs as
// another user. It is used by root only.
const publicRoot = "/var/lib/mugshot-dev"

// makeHome makes the directory that holds a server's data, owned by the account that the server will run as, and
// returns its real path with that account; nil stands for the caller.
func makeHome(dir string) (string, *syscall.Credential, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, fmt.Errorf("find the data directory: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", nil, fmt.Errorf("make room for the data directory: %w", err)
	}
	if os.Geteuid() != 0 {
		return makeOwnHome(dir)
	}

	who, err := ownerAccount(dir)
	if err != nil {
		return "", nil, err
	}
	if who == nil {
		if who, err = serverAccount(); err != nil {
			return "", nil, err
		}
	}
	if dir, err = reachable(dir, who, publicRoot); err != nil {
		return "", nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
		return "", nil, fmt.Errorf("give the data directory to user %s: %w", nameOf(who.Uid), err)
	}
	return dir, who, nil
}

func makeOwnHome(dir string) (string, *syscall.Credential, error) {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("make the data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", nil, fmt.Errorf("look at the data directory: %w", err)
	}
	if owner := ownerOf(info); owner != uint32(os.Geteuid()) {
		return "", nil, fmt.Errorf("the data directory %s belongs to user %s, probably since root started the server first: "+
			"run as root again, or remove it", dir, nameOf(owner))
	}
	return dir, nil, nil
}

// reachable returns dir itself if who has access to it. Otherwise it returns a directory under public instead, and leaves a link
// to it at dir. If the link was removed, the user wanted the data removed, and they are.
func reachable(dir string, who *syscall.Credential, public string) (string, error) {
	closed := closedTo(who, filepath.Dir(dir))
	if closed == "" {
		return dir, nil
	}
	sum := sha256.Sum256([]byte(dir))
	target := filepath.Join(public, hex.EncodeToString(sum[:6]))
	if link, err := os.Readlink(dir); err == nil && link == target {
		if _, err := os.Stat(target); err == nil {
			return target, nil
		}
	}
	why := func(err error) error {
		return fmt.Errorf("user %s, as whom the server runs, can't pass through %s, and the data can't go to %s instead; "+
			"move the project elsewhere, or open that directory (chmod o+x): %w", nameOf(who.Uid), closed, target, err)
	}
	if err := os.RemoveAll(target); err != nil {
		return "", why(err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", why(err)
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return "", why(err)
	}
	for _, made := range []string{public, target} { // whatever the umask
		if err := os.Chmod(made, 0o755); err != nil {
			return "", why(err)
		}
	}
	if err := os.Symlink(target, dir); err != nil {
		return "", why(err)
	}
	return target, nil
}
