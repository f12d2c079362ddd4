package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// validateOverlays builds every overlay, and checks the result against Kubernetes' schemas and our own rules.
func validateOverlays(ctx context.Context, tree string) ([]string, error) {
	schemas, err := os.MkdirTemp("", "mugshot-schemas-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(schemas) }()
	if err := writeSchemas(ctx, schemas); err != nil {
		return nil, fmt.Errorf("schemas of Kubernetes: %w", err)
	}
	v, err := validator.New([]string{filepath.Join(schemas, "{{ .ResourceKind }}{{ .KindSuffix }}.json")}, validator.Opts{
		KubernetesVersion: "master", Strict: true,
	})
	if err != nil {
		return nil, err
	}
	settings, err := settingNames(tree)
	if err != nil {
		return nil, err
	}
	overlays, err := filepath.Glob(filepath.Join(tree, "deploy", "kubernetes", "overlays", "*"))
	if err != nil {
		return nil, err
	}
	if len(overlays) == 0 {
		return []string{"there are no overlays"}, nil
	}
	var found []string
	for _, overlay := range overlays {
		for _, dir := range []string{overlay, filepath.Join(overlay, "migrate")} {
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
			if err != nil {
				return found, fmt.Errorf("%s: %w", dir, err)
			}
			text, err := built.AsYaml()
			if err != nil {
				return found, fmt.Errorf("%s: %w", dir, err)
			}
			name := strings.TrimPrefix(dir, tree+"/deploy/kubernetes/")
			for _, result := range v.Validate(name, io.NopCloser(bytes.NewReader(text))) {
				if result.Status != validator.Valid && result.Status != validator.Empty {
					signature, _ := result.Resource.Signature()
					found = append(found, fmt.Sprintf("%s: %s: %v", name, signature.QualifiedName(), result.Err))
				}
			}
			for _, document := range bytes.Split(text, []byte("\n---\n")) {
				var o object
				if err := yaml.Unmarshal(document, &o); err != nil {
					return found, fmt.Errorf("%s: %w", name, err)
				}
				for _, problem := range append(o.rules(), o.unknown(settings)...) {
					found = append(found, fmt.Sprintf("%s: %s %s: %s", name, o.Kind, o.Metadata.Name, problem))
				}
			}
		}
	}
	return found, nil
}

// settingNames returns the environment variables that the program reads.
func settingNames(tree string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(tree, ".env.example"))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{"GOGC": true, "GOMEMLIMIT": true} // read by Go's runtime
	for _, match := range regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]*)=`).FindAllStringSubmatch(string(text), -1) {
		names[match[1]] = true
	}
	return names, nil
}
