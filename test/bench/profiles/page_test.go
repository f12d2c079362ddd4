package profiles

import (
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"
)

// stack makes a sample of functions, the running one first.
func stack(value int64, functions ...string) *profile.Sample {
	s := &profile.Sample{Value: []int64{value}}
	for _, name := range functions {
		s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
	}
	return s
}

func TestAreaOf_namesThePackageThatSpends(t *testing.T) {
	t.Parallel()
	edge := our + "internal/httpapi/edge.(*Edge).ServeHTTP"
	for area, functions := range map[string][]string{
		"whose token it is, whether the session lives": {"github.com/jackc/pgx/v5.(*Conn).Query", our + "internal/auth.(*Service).Authenticate", edge},
		"statements":                              {"syscall.write", "github.com/jackc/pgx/v5.(*Conn).Query", our + "internal/chat.(*Service).Get", edge},
		"the collector":                           {"runtime.mallocgc", "runtime.gcAssistAlloc", "encoding/json.Marshal"},
		"writing the answer":                      {"fmt.Fprint", our + "gen/api.GetChat200JSONResponse.VisitGetChatResponse", edge},
		"routing, contexts, headers, domains":     {"runtime.mapassign", edge, "net/http.(*conn).serve"},
		"net/http: connection, headers, flushing": {"syscall.write", "net/http.(*conn).serve"},
		"the scheduler":                           {"runtime.futex", "runtime.findRunnable", "runtime.schedule"},
		rest:                                      {"runtime.memmove"},
	} {
		require.Equal(t, area, areaOf(stack(1, functions...)))
	}
}

func TestPage_listsAreas(t *testing.T) {
	t.Parallel()
	edge := our + "internal/httpapi/edge.(*Edge).ServeHTTP"
	of := func(kind string, samples ...*profile.Sample) *profile.Profile {
		return &profile.Profile{SampleType: []*profile.ValueType{{Type: kind}}, Sample: samples}
	}
	page := Page{Measured: time.Unix(0, 0), Cores: 2, Columns: []Column{{
		Title: "W2", Work: 20, Asks: Requests,
		Set: Set{
			CPU:    of("cpu", stack(30, "syscall.write", "net/http.(*conn).serve"), stack(90, "runtime.memmove")),
			Allocs: of("alloc_space", stack(4000, edge)),
			Block:  of("delay", stack(40e6, "sync.(*Mutex).Lock", edge), stack(9e9, "select", "main.idle")),
		},
	}}}
	text := page.Markdown()
	require.Contains(t, text, "| the rest | 75 |\n| net/http: connection, headers, flushing | 25 |\n| all | 100 |\n")
	require.Contains(t, text, "| routing, contexts, headers, domains | 200 |\n| all | 200 |\n")
	require.Contains(t, text, "| routing, contexts, headers, domains | 2.00 |\n| all | 2.00 |\n", "idle goroutines do not wait within a request")
}
