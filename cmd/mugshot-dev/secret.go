package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// devSecret is a secret of the developer's own, kept so that sessions survive a restart.
func devSecret(dir string) (config.Secret, error) {
	path := filepath.Join(dir, "jwt_secret")
	kept, err := os.ReadFile(path) //nolint:gosec // DEV_DIR is the developer's
	switch {
	case err == nil:
		return config.Secret(kept), nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := rand.Text() + rand.Text()
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		return "", fmt.Errorf("keep secret: %w", err)
	}
	return config.Secret(secret), nil
}
