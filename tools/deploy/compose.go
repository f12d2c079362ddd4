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

// loadCompose loads the Compose files as `docker compose config` does: by their schema, with every reference followed.
// Both have to come to the same.
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
		found = append(found, "deploy/compose.yaml comes to something else")
	}
	for _, name := range slices.Sorted(maps.Keys(top.Services)) {
		found = append(found, composeRules(top.Services[name])...)
	}
	return found, nil
}

func load(ctx context.Context, file string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("mugshot")) // no environment: the defaults count
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	project.Extensions = nil // what the services are made of; an include leaves it behind
	return project, nil
}

// composeRules are those of this house.
func composeRules(s types.ServiceConfig) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, s.Name+": "+fmt.Sprintf(format, args...)) }
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			say("port %d is open to the network; publish it at 127.0.0.1", port.Target)
		}
	}
	if s.Build == nil {
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
