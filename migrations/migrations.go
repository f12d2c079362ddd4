// Package migrations embeds the schema's history: timestamped plain SQL, one pair of files a step. README.md in this
// folder says in which order they come, and why.
package migrations

import "embed"

// FS holds every .up.sql and .down.sql of this folder.
//
//go:embed *.sql
var FS embed.FS
