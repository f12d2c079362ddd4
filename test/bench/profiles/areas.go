package profiles

import (
	"strings"

	"github.com/google/pprof/profile"
)

// area is a part of the program. A function belongs to it if its name begins with one of the patterns or, for a pattern that
// begins with a star, contains the rest of it.
type area struct {
	name     string
	patterns []string
}

const (
	our  = "github.com/mugshot-studio/backend/"
	rest = "the rest" // all functions that belong to no area
)

// areas lists the areas that are reported. A sample belongs to the first area that any function on its stack belongs to, so
// callers come after the functions that they call.
func areas() []area {
	return []area{
		{"the collector", []string{"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.bgsweep", "runtime.bgscavenge"}},
		{"hashing passwords", []string{"golang.org/x/crypto/argon2."}},
		{"the line in the log", []string{"log/slog."}},
		{"whose token it is, whether the session lives", []string{
			our + "internal/auth/token.", our + "internal/auth.(*Service).Authenticate", our + "gen/db.(*Queries).SessionsAlive",
			our + "internal/httpapi/edge.(*Edge).authenticate",
		}},
		{"statements", []string{our + "gen/db.", our + "internal/platform/postgres.", "github.com/jackc/"}},
		{"rate limit, in Redis", []string{our + "internal/platform/ratelimit."}},
		{"events: publishing, following, writing", []string{our + "internal/platform/events."}},
		{"queue, in Redis", []string{our + "internal/platform/queue.(*Queue)", our + "internal/platform/redisconn.", "github.com/gocraft/work."}},
		{"validation against the spec", []string{our + "internal/httpapi/edge.(*operation)."}},
		{"pictures and storage", []string{our + "internal/platform/storage", our + "internal/providers", "image/"}},
		{"writing the answer", []string{
			"encoding/json.", "*JSONResponse).Visit", "*JSONResponse.Visit", our + "internal/httpapi/sse.(*eventWriter)",
			our + "internal/httpapi/fastjson.",
		}},
		{"metrics and traces", []string{"github.com/prometheus/", "go.opentelemetry.io/"}},
		{"routing, contexts, headers, domains", []string{our + "internal/"}},
		{"net/http: connection, headers, flushing", []string{"net/http.", "net."}},
		{"the scheduler", []string{"runtime.schedule", "runtime.findRunnable", "runtime.mcall", "runtime.mstart", "runtime.sysmon"}},
	}
}

// areaOf names the area of a sample.
func areaOf(s *profile.Sample) string {
	for _, a := range areas() {
		if passes(s, a.patterns) {
			return a.name
		}
	}
	return rest
}

// passes tells whether a function on the stack of a sample matches one of the patterns.
func passes(s *profile.Sample, patterns []string) bool {
	for _, location := range s.Location {
		for _, line := range location.Line {
			if line.Function == nil {
				continue
			}
			for _, pattern := range patterns {
				part, within := strings.CutPrefix(pattern, "*")
				if strings.HasPrefix(line.Function.Name, pattern) || within && strings.Contains(line.Function.Name, part) {
					return true
				}
			}
		}
	}
	return false
}

// byArea sums one of a profile's values by area. Only samples whose stack matches one of the patterns count, or all if there are
// no patterns.
func byArea(p *profile.Profile, value string, patterns ...string) map[string]float64 {
	sums := map[string]float64{}
	for i, kind := range p.SampleType {
		if kind.Type != value {
			continue
		}
		for _, s := range p.Sample {
			if len(patterns) == 0 || passes(s, patterns) {
				sums[areaOf(s)] += float64(s.Value[i])
			}
		}
	}
	return sums
}
