package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose loads docker-compose.yml and deploy/compose.yaml as `docker compose config` does, with their schema and every
// reference. Both must give the same project.
func loadCompose(ctx context.Context, tree string) ([]string, error) {
	top, err := load(ctx, filepath.Join(tree, "docker-compose.yml"))
	if err != nil {
		return nil, err
	}
	linked, err := load(ctx, filepath.Join(tree, "deploy", "compose.yaml"))
	if err != nil {
		return nil, fmt.Errorf("deploy/compose.yaml: %w", err)
	}
	var found []string
	one, err := top.MarshalYAML()
	if err != nil {
		return nil, err
	}
	other, err := linked.MarshalYAML()
	if err != nil {
		return nil, err
	}
	if string(one) != string(other) {
		found = append(found, "deploy/compose.yaml gives another project")
	}
	for _, name := range slices.Sorted(maps.Keys(top.Services)) {
		found = append(found, composeRules(top.Services[name])...)
	}
	return found, nil
}

// loadProduction loads the file for production, without the settings, which are on the machines of production.
func loadProduction(ctx context.Context, tree string) ([]string, error) {
	project, err := load(ctx, filepath.Join(tree, "deploy", "production.compose.yaml"), cli.WithoutEnvironmentResolution,
		cli.WithEnv([]string{"MUGSHOT_IMAGE=" + ourImage, "MUGSHOT_HOST=api.example.com"}))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		if s.Image != ourImage { // the proxy that terminates TLS has to be open to the network
			s.Ports = nil
		}
		found = append(found, composeRules(s)...)
	}
	return found, nil
}

// ourImage stands for the released image.
const ourImage = "registry.example.com/mugshot:1.0.0"

func load(ctx context.Context, file string, more ...cli.ProjectOptionsFn) (*types.Project, error) {
	// The environment of this process is not used, so that variables have their defaults.
	options, err := cli.NewProjectOptions([]string{file}, append(more, cli.WithName("mugshot"))...)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	project.Extensions = nil // extensions that the services use; an include does not keep them
	return project, nil
}

// composeRules returns the violations of our own rules: ports on loopback only, versioned images, locked-down containers.
func composeRules(s types.ServiceConfig) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, s.Name+": "+fmt.Sprintf(format, args...)) }
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			say("port %d is open to the network; publish it at 127.0.0.1", port.Target)
		}
	}
	if s.Build == nil && s.Image != ourImage {
		if !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			say("image %s has no version", s.Image)
		}
		return found
	}
	if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		say("is not locked down as the others are")
	}
	return found
}
