package admin

import (
	"bytes"
	"context"
	_ "embed" // the page
	"html/template"
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

// Limits are shown beside what they limit.
type Limits struct {
	UserJobs      int
	ProviderCalls int
}

//go:embed jobs.html
var jobsHTML string

// page is what jobs.html shows.
type page struct {
	At        time.Time
	Kinds     []row
	Providers []backlog.Provider
	Limits    Limits
}

type row struct {
	backlog.Kind
	Messages int64 // in Redis; -1: Redis did not say
}

// jobs shows the tasks as the rows in Postgres have them. The page has the browser load it anew every five seconds.
func (cfg Config) jobs(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	overview, err := cfg.Look(ctx)
	if err != nil {
		cfg.Log.WarnContext(ctx, "backlog not shown", "error", err)
		http.Error(w, "Postgres does not answer.", http.StatusServiceUnavailable)
		return
	}
	p := page{At: cfg.Now().UTC(), Providers: overview.Providers, Limits: cfg.Limits}
	for _, kind := range overview.Kinds {
		messages, err := cfg.Depth(ctx, kind.Name)
		if err != nil {
			messages = -1
		}
		p.Kinds = append(p.Kinds, row{kind, messages})
	}
	var html bytes.Buffer
	if err := jobsPage().Execute(&html, p); err != nil {
		cfg.Log.ErrorContext(ctx, "page not written", "error", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(html.Bytes())
}

func jobsPage() *template.Template {
	return template.Must(template.New("jobs").Funcs(template.FuncMap{"age": age, "most": most}).Parse(jobsHTML))
}

// age shows a duration to the minute, or below one to the second; – is none.
func age(d time.Duration) string {
	switch {
	case d == 0:
		return "–"
	case d < time.Minute:
		return d.Truncate(time.Second).String()
	default:
		s := d.Truncate(time.Minute).String()
		return s[:len(s)-len("0s")]
	}
}

// most tells whether a count has reached backlog.Most, so that there may be more.
func most(n int64) bool { return n >= backlog.Most }
