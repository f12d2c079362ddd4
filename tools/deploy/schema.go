package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kubernetes is the release whose schemas are used. Its module contains them; nothing of it is compiled.
const kubernetes = "k8s.io/kubernetes@v1.34.1"

// writeSchemas writes a JSON schema for every kind of object, named as kubeconform looks for it.
func writeSchemas(ctx context.Context, dir string) error {
	said, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", kubernetes).Output()
	if err != nil {
		return fmt.Errorf("go mod download %s: %w %s", kubernetes, err, said)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(said, &module); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "api", "openapi-spec", "v3", "*_openapi.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		// Only the API groups that our files use: all of them would take seconds.
		name := filepath.Base(file)
		if strings.HasPrefix(name, "api__v1_") || strings.HasPrefix(name, "apis__apps__v1_") || strings.HasPrefix(name, "apis__batch__v1_") ||
			strings.HasPrefix(name, "apis__autoscaling__v2_") || strings.HasPrefix(name, "apis__policy__v1_") ||
			strings.HasPrefix(name, "apis__networking.k8s.io__v1_") {
			if err := writeGroup(file, dir); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func writeGroup(file, dir string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var document struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	for _, schema := range document.Components.Schemas {
		closeObjects(schema)
	}
	for name, schema := range document.Components.Schemas {
		kinds, _ := schema["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // more than one: of every group, such as options
			continue
		}
		kind := kinds[0].(map[string]any)
		group, _, _ := strings.Cut(kind["group"].(string), ".")
		parts := []string{strings.ToLower(kind["kind"].(string)), group, kind["version"].(string)}
		if group == "" {
			parts = []string{parts[0], parts[2]}
		}
		encoded, err := json.Marshal(map[string]any{"$ref": "#/components/schemas/" + name, "components": document.Components})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strings.Join(parts, "-")+".json"), encoded, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// closeObjects makes a schema refuse members that it does not name, since Kubernetes drops a misspelt member silently.
func closeObjects(schema map[string]any) {
	if _, ok := schema["properties"]; ok && schema["additionalProperties"] == nil {
		schema["additionalProperties"] = false
	}
	// Formats are Go's types there, which JSON Schema does not know.
	delete(schema, "format")
}
