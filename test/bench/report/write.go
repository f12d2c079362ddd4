package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// Write writes the report into a folder as NAME.md and NAME.json, the latter with all rounds.
func (r *Report) Write(dir, name string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var page strings.Builder
	if err := r.Markdown(&page, name+".svg"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".md"), []byte(page.String()), 0o644); err != nil {
		return err
	}
	return WriteJSON(filepath.Join(dir, name+".json"), r)
}

// WriteJSON writes what tools/plot reads.
func WriteJSON(file string, what any) error {
	text, err := json.MarshalIndent(what, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
