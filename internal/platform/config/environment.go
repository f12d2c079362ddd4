package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// Environment returns the environment of the process, completed by the file .env in the working directory, if there is
// one. The process' own variables win.
func Environment() (map[string]string, error) {
	environ, err := godotenv.Read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		environ = map[string]string{}
	case err != nil:
		return nil, fmt.Errorf("read .env: %w", err)
	}
	maps.Copy(environ, withoutEmpty(env.ToMap(os.Environ())))
	return environ, nil
}
