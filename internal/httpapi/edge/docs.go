package edge

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // for the reference page
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// The reference page is Scalar, kept here so that it needs no CDN. To change the version: npm pack
// @scalar/api-reference@X, then gzip -n -9 < dist/browser/standalone.js > assets/scalar-X.js.gz, and the names below, in
// docs.html and of the licence.
const scalarPath = "/docs/scalar-1.72.1.js"

var (
	//go:embed assets/docs.html
	docsHTML []byte
	//go:embed assets/scalar-1.72.1.js.gz
	scalarGzip []byte
)

// docsPages serves the reference page and its one script.
func docsPages() (map[string]echo.HandlerFunc, error) {
	policy, err := docsPolicy(docsHTML)
	if err != nil {
		return nil, err
	}
	page := static("text/html; charset=utf-8", docsHTML)
	return map[string]echo.HandlerFunc{
		"/docs": func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", policy)
			return page(c)
		},
		scalarPath: scalar,
	}, nil
}

// docsPolicy lets the page run our script file and its own few lines, known by their hash, and talk to us alone. Scalar
// writes its styles into the document, which takes 'unsafe-inline' for them.
func docsPolicy(page []byte) (string, error) {
	_, script, found := bytes.Cut(page, []byte("<script>"))
	script, _, closed := bytes.Cut(script, []byte("</script>"))
	if !found || !closed {
		return "", errors.New("reference page: no inline script")
	}
	sum := sha256.Sum256(script)
	return "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
		"style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nil
}

// scalar sends the script as it is embedded. Its name has its version, so that it never changes.
func scalar(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(c.Request().Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(scalarGzip)))
		c.Response().WriteHeader(http.StatusOK)
		if c.Request().Method == http.MethodHead {
			return nil
		}
		if _, err := c.Response().Write(scalarGzip); err != nil {
			return errClientGone
		}
		return nil
	}
	plain, err := gzip.NewReader(bytes.NewReader(scalarGzip))
	if err != nil {
		return fmt.Errorf("unpack reference page: %w", err)
	}
	if _, err := io.Copy(c.Response(), plain); err != nil { //nolint:gosec // our own file
		return errClientGone
	}
	return nil
}
