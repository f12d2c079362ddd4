package migrations_test

import (
	"io/fs"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/migrations"
)

func TestFiles_areNamedAndInPairs(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations.FS, "*")
	require.NoError(t, err)
	shape := regexp.MustCompile(`^([0-9]{14})_([a-z0-9_]+)\.(up|down)\.sql$`)
	opposite := map[string]string{"up": "down", "down": "up"}
	taken := map[string]string{}
	for _, file := range files {
		parts := shape.FindStringSubmatch(file)
		require.NotNil(t, parts, "%s is not named <time>_<name>.up.sql or .down.sql", file)
		at, name, way := parts[1], parts[2], parts[3]
		_, err := time.Parse("20060102150405", at)
		require.NoError(t, err, file)
		require.Contains(t, files, at+"_"+name+"."+opposite[way]+".sql")
		if other, found := taken[at]; found {
			require.Equal(t, other, name, "two migrations of the time %s", at)
		}
		taken[at] = name
	}
}

// No file contains markers of other migration tools, with which one file holds up and down: pasted into psql, it would run both.
func TestFiles_goOneWay(t *testing.T) {
	t.Parallel()
	marker := regexp.MustCompile(`(?im)^--\s*(\+goose|\+migrate|migrate:|up\s*$|down\s*$)`)
	destructive := regexp.MustCompile(`(?i)\b(drop table|drop schema|drop database|truncate)\b`)
	for _, name := range names(t) {
		require.NotRegexp(t, marker, content(t, name+".up.sql"), name)
		require.NotRegexp(t, marker, content(t, name+".down.sql"), name)
		require.NotRegexp(t, destructive, content(t, name+".up.sql"), name)
	}
}
