package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	openapi "github.com/mugshot-studio/backend/api"
)

// specPages serves the spec. It is written out at the first request for it: most processes never get one.
func specPages(basePath string) map[string]echo.HandlerFunc {
	written := sync.OnceValues(func() (map[string]echo.HandlerFunc, error) { return writeSpec(basePath) })
	pages := map[string]echo.HandlerFunc{}
	for _, path := range []string{"/openapi.json", "/openapi.yaml"} {
		pages[path] = func(c echo.Context) error {
			page, err := written()
			if err != nil {
				return err
			}
			return page[path](c)
		}
	}
	return pages
}

// writeSpec writes the spec in the order in which it was written, with the base path of this deployment as its server.
func writeSpec(basePath string) (map[string]echo.HandlerFunc, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(openapi.YAML, &doc); err != nil {
		return nil, fmt.Errorf("parse spec: %w", err)
	}
	if err := setServer(doc.Content[0], basePath); err != nil {
		return nil, err
	}
	var asYAML bytes.Buffer
	encoder := yaml.NewEncoder(&asYAML)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, fmt.Errorf("write openapi.yaml: %w", err)
	}
	var tree map[string]any
	if err := doc.Decode(&tree); err != nil {
		return nil, fmt.Errorf("decode spec: %w", err)
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("write openapi.json: %w", err)
	}
	return map[string]echo.HandlerFunc{
		"/openapi.json": static(jsonMediaType, asJSON),
		"/openapi.yaml": static("application/yaml", asYAML.Bytes()), // RFC 9512
	}, nil
}

// setServer replaces the servers of a document.
func setServer(document *yaml.Node, basePath string) error {
	var servers yaml.Node
	if err := servers.Encode([]map[string]string{{"url": basePath}}); err != nil {
		return fmt.Errorf("write servers: %w", err)
	}
	for i := 0; i+1 < len(document.Content); i += 2 {
		if document.Content[i].Value == "servers" {
			document.Content[i+1] = &servers
			return nil
		}
	}
	return errors.New("the spec names no servers")
}

// static answers with bytes that don't change while the process lives; caches ask each time whether they are still current.
func static(contentType string, body []byte) echo.HandlerFunc {
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:12]) + `"`
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(c.Response(), c.Request(), "", time.Time{}, bytes.NewReader(body))
		return nil
	}
}
