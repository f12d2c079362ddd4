// Package openapi embeds the contract as it was written, in its own order and with its comments.
package openapi

import _ "embed"

// YAML is openapi.yaml.
//
//go:embed openapi.yaml
var YAML []byte
