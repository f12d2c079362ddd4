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

// Environment is the process's own and, below it, that of the file .env in the working directory, if there is one.
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

// GOGCIsSet tells whether GOGC is set, which the Go runtime itself reads: then nobody else may decide when memory is
// collected.
func GOGCIsSet() bool { return os.Getenv("GOGC") != "" }
