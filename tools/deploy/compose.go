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

// loadProduction does so with the file for production, whose settings lie on a machine that this one is not.
func loadProduction(ctx context.Context, tree string) ([]string, error) {
	project, err := load(ctx, filepath.Join(tree, "deploy", "production.compose.yaml"), cli.WithoutEnvironmentResolution,
		cli.WithEnv([]string{"MUGSHOT_IMAGE=" + ourImage, "MUGSHOT_HOST=api.example.com"}))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		s := project.Services[name]
		if s.Image != ourImage { // what ends TLS is there for the network
			s.Ports = nil
		}
		found = append(found, composeRules(s)...)
	}
	return found, nil
}

// ourImage stands for the one that is released.
const ourImage = "registry.example.com/mugshot:1.0.0"

func load(ctx context.Context, file string, more ...cli.ProjectOptionsFn) (*types.Project, error) {
	// No environment but what is given: the defaults count.
	options, err := cli.NewProjectOptions([]string{file}, append(more, cli.WithName("mugshot"))...)
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
