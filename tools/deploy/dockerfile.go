package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// lintDockerfile is what `docker build --check` does, without an engine.
func lintDockerfile(ctx context.Context, tree string) ([]string, error) {
	const name = "deploy/Dockerfile"
	text, err := os.ReadFile(filepath.Join(tree, name))
	if err != nil {
		return nil, err
	}
	source := llb.NewSourceMap(nil, name, "Dockerfile", text)
	source.Definition = &llb.Definition{} // where the text came from, which nobody asks
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
	return append(found, dockerfileRules(string(text))...), nil
}

// dockerfileRules are those of this house.
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

// nowhere answers for every base image, since what they are does not matter here.
type nowhere struct{}

// ResolveImageConfig implements sourceresolver.ImageMetaResolver.
func (nowhere) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(config), config, err
}
