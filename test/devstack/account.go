package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// errNoAccount is returned to root on a machine without another account that the server could run as.
var errNoAccount = errors.New("postgres refuses to run as root, and this machine has neither a user postgres nor a user nobody: " +
	"add one, or run as another user")

// serverAccount returns the account that a new Postgres server runs as: nil for the caller's own or, since Postgres refuses to run
// as root, the first of the customary accounts. It must be in passwd, since initdb looks its name up.
func serverAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "_postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if who, err := credential(u); err == nil && who.Uid != 0 {
			return who, nil
		}
	}
	return nil, errNoAccount
}

func credential(u *user.User) (*syscall.Credential, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group of user %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// ownerAccount returns the account that owns an existing data directory, so that a developer who once runs the stack with sudo
// does not lose access to the data. It returns nil if there is no directory yet, or root owns it.
func ownerAccount(dir string) (*syscall.Credential, error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the data directory: %w", err)
	}
	uid := ownerOf(info)
	if uid == 0 {
		return nil, nil
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return nil, fmt.Errorf("%s belongs to user %d, who does not exist here: remove it, or give it to another user: %w", dir, uid, err)
	}
	return credential(u)
}

func ownerOf(info fs.FileInfo) uint32 {
	return info.Sys().(*syscall.Stat_t).Uid
}

// nameOf returns a user's name for messages, or the number if it has none.
func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// closedTo returns the first directory on the way to path, path included, that who may not pass through, or "". Parts that do
// not exist yet count as open. A nil who is the caller, for whom nothing is checked.
func closedTo(who *syscall.Credential, path string) string {
	if who == nil {
		return ""
	}
	if parent := filepath.Dir(path); parent != path {
		if dir := closedTo(who, parent); dir != "" {
			return dir
		}
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return ""
	}
	stat, mode := info.Sys().(*syscall.Stat_t), info.Mode().Perm()
	bit := fs.FileMode(0o001)
	switch {
	case stat.Uid == who.Uid:
		bit = 0o100
	case stat.Gid == who.Gid:
		bit = 0o010
	}
	if mode&bit == 0 {
		return path
	}
	return ""
}
