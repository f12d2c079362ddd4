package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// lintDockerfile does what `docker build --check` does, without Docker.
func lintDockerfile(ctx context.Context, tree string) ([]string, error) {
	const name = "deploy/Dockerfile"
	text, err := os.ReadFile(filepath.Join(tree, name))
	if err != nil {
		return nil, err
	}
	source := llb.NewSourceMap(nil, name, "Dockerfile", text)
	source.Definition = &llb.Definition{} // the source of the text, which is not used
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	results, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{
		Config: dockerui.Config{
			BuildPlatforms: []ocispecs.Platform{platform}, TargetPlatforms: []ocispecs.Platform{platform},
		},
		SourceMap: source, TargetPlatform: &platform, MetaResolver: nowhere{},
	})
	if err != nil {
		return nil, err
	}
	var found []string
	if results.Error != nil {
		found = append(found, results.Error.Message)
	}
	for _, w := range results.Warnings {
		line := int32(0)
		if ranges := w.Location.GetRanges(); len(ranges) > 0 {
			line = ranges[0].GetStart().GetLine()
		}
		found = append(found, fmt.Sprintf("line %d: %s: %s", line, w.RuleName, w.Detail))
	}
	missing, err := notCopied(ctx, tree, string(text))
	return append(append(found, dockerfileRules(string(text))...), missing...), err
}

// notCopied returns the packages of the program that the image's build would not find, since the Dockerfile does not copy them, or
// .dockerignore excludes them.
func notCopied(ctx context.Context, tree, text string) ([]string, error) {
	ignore, err := os.ReadFile(filepath.Join(tree, ".dockerignore"))
	if err != nil {
		return nil, err
	}
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}", "./cmd/mugshot")
	list.Dir = tree
	said, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	const module = "github.com/mugshot-studio/backend/"
	var found []string
	for _, path := range strings.Fields(string(said)) {
		copied := false
		for dir := strings.TrimPrefix(path, module); dir != "."; dir = filepath.Dir(dir) {
			copied = copied || strings.Contains(text, "\nCOPY "+dir+" "+dir+"\n") && strings.Contains(string(ignore), "\n!"+dir+"\n")
		}
		if !copied {
			found = append(found, fmt.Sprintf("%s is not copied, or .dockerignore excludes it", path))
		}
	}
	return found, nil
}

// dockerfileRules returns the violations of our own rules for the image.
func dockerfileRules(text string) []string {
	last := text[strings.LastIndex(text, "\nFROM "):]
	var found []string
	for _, want := range []struct{ line, why string }{
		{"\nUSER 65532:65532\n", "the process is not root, and Kubernetes can tell by the number"},
		{"\nHEALTHCHECK ", "the image says how it is"},
		{"\nENTRYPOINT [\"/mugshot\"]\n", "without a shell, or SIGTERM would not arrive"},
	} {
		if !strings.Contains(last, want.line) {
			found = append(found, fmt.Sprintf("the last stage needs %q: %s", strings.TrimSpace(want.line), want.why))
		}
	}
	if !strings.Contains(text, "CGO_ENABLED=0") {
		found = append(found, "CGO_ENABLED=0 makes the binary static, which scratch asks for")
	}
	return found
}

// nowhere resolves the base images of the build without looking at them, and no others: another name is a misspelt stage.
type nowhere struct{}

// ResolveImageConfig implements sourceresolver.ImageMetaResolver.
func (nowhere) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	if !strings.Contains(ref, "/library/golang:") {
		return "", "", nil, fmt.Errorf("there is no stage and no base image %s", ref)
	}
	config, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(config), config, err
}
