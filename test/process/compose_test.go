package process_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// compose is the part of docker-compose.yml that the tests use. `make lint/deploy` checks that the file is valid.
type compose struct {
	Services map[string]service `yaml:"services"`
}

type service struct {
	Build       *yaml.Node        `yaml:"build"` // nil: an image of others
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	DependsOn map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
}

var composeVariable = regexp.MustCompile(`\$\$|\$\{(\w+)(:-([^}]*))?\}`)

// readCompose reads docker-compose.yml as Compose does with an empty environment: variables have their defaults.
func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	require.NoError(t, err)
	expanded := composeVariable.ReplaceAllStringFunc(string(text), func(found string) string {
		if found == "$$" {
			return "$"
		}
		parts := composeVariable.FindStringSubmatch(found)
		require.NotEmpty(t, parts[2], "%s has no default: docker compose up would need a preparation", parts[1])
		return parts[3]
	})
	var c compose
	require.NoError(t, yaml.Unmarshal([]byte(expanded), &c))
	return c
}

// addresses says where a test runs the services of the Compose file: at other ports of this machine, and in a folder.
type addresses struct {
	hosts map[string]string // address in the file, such as "postgres:5432", to the address here
	data  string            // the folder for /data
	api   string            // the address at which the API is published
}

// environment returns the environment of a service with the addresses of this machine. Every address in it must be that of a
// service of the file.
func (c compose) environment(t *testing.T, name string, at addresses) map[string]string {
	t.Helper()
	env := map[string]string{}
	for key, value := range c.Services[name].Environment {
		switch {
		case value == "/data":
			value = at.data
		case key == "PUBLIC_API_URL":
			value = "http://" + at.api
		case strings.Contains(value, "://"):
			u, err := url.Parse(value)
			require.NoError(t, err)
			there, ok := at.hosts[u.Host]
			require.True(t, ok, "%s: no service listens at %s", key, u.Host)
			host, _, _ := strings.Cut(u.Host, ":")
			require.Contains(t, c.Services, host)
			u.Host = there
			value = u.String()
		}
		env[key] = value
	}
	return env
}

// order lists our own services, each after those that it depends on.
func (c compose) order(t *testing.T) []string {
	t.Helper()
	var ordered []string
	var add func(name string)
	add = func(name string) {
		require.Contains(t, c.Services, name)
		if slices.Contains(ordered, name) {
			return
		}
		for _, dependency := range slices.Sorted(maps.Keys(c.Services[name].DependsOn)) {
			add(dependency)
		}
		if c.Services[name].Build != nil {
			ordered = append(ordered, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		add(name)
	}
	return ordered
}

// list returns an environment as NAME=value entries.
func list(env map[string]string, more ...string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(env)) {
		all = append(all, key+"="+env[key])
	}
	return append(all, more...)
}
