package profiles

import (
	"strings"

	"github.com/google/pprof/profile"
)

// area is a part of the program, known by what its functions' names begin with, or contain where a mark begins with a star.
type area struct {
	name  string
	marks []string
}

const (
	our  = "github.com/mugshot-studio/backend/"
	rest = "the rest"
)

// areas lists those that are told apart. A sample belongs to the first of them that any function on its stack belongs to, so
// that those which call others come last.
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
		if passes(s, a.marks) {
			return a.name
		}
	}
	return rest
}

func passes(s *profile.Sample, marks []string) bool {
	for _, location := range s.Location {
		for _, line := range location.Line {
			if line.Function == nil {
				continue
			}
			for _, mark := range marks {
				part, within := strings.CutPrefix(mark, "*")
				if strings.HasPrefix(line.Function.Name, mark) || within && strings.Contains(line.Function.Name, part) {
					return true
				}
			}
		}
	}
	return false
}

// byArea sums one of a profile's values by area; only those samples count whose stack passes one of the marks, or all
// where there are none.
func byArea(p *profile.Profile, value string, marks ...string) map[string]float64 {
	sums := map[string]float64{}
	for i, kind := range p.SampleType {
		if kind.Type != value {
			continue
		}
		for _, s := range p.Sample {
			if len(marks) == 0 || passes(s, marks) {
				sums[areaOf(s)] += float64(s.Value[i])
			}
		}
	}
	return sums
}
