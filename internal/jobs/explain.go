package jobs

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// explainMost bounds what [Explainer.Explain] counts, so that it costs the same however many jobs wait.
const explainMost = 10_000

// ExplainerDeps are what an Explainer stands on.
type ExplainerDeps struct {
	Store  *postgres.Store
	Limits Limits
	// BreakerOpen tells whether the breaker of a model is open; nil: not known.
	BreakerOpen func(modelID string) bool
	// RepushAfter is how long after a first push the sweeper pushes an id again; nil, or an error: not known.
	RepushAfter func(ctx context.Context) (time.Duration, error)
}

// Explainer tells operators where a job stands and why it waits: "why does this job wait?" has one answer, found here. It
// goes through the reasons in the order in which a job meets them: a slot of its account, a slot of its provider, the time
// of its next attempt, its push to Redis, a worker. It only reads.
type Explainer struct{ ExplainerDeps }

// NewExplainer returns an Explainer.
func NewExplainer(d ExplainerDeps) *Explainer { return &Explainer{d} }

// Explanation is where a job stands. It names neither the prompt nor the owner's address.
type Explanation struct {
	Facts  []Fact
	Reason string // one sentence: why the job waits, or that it does not
	Advice string // what an operator can do about it; empty: nothing
}

// Fact is one line about a job.
type Fact struct{ Name, Text string }

// Write prints the facts, one a line, then the reason and the advice.
func (e Explanation) Write(f io.Writer) error {
	for _, fact := range e.Facts {
		if _, err := fmt.Fprintf(f, "%-14s %s\n", fact.Name, fact.Text); err != nil {
			return fmt.Errorf("print explanation: %w", err)
		}
	}
	end := "\n" + e.Reason
	if e.Advice != "" {
		end += " " + e.Advice
	}
	if _, err := fmt.Fprintln(f, end); err != nil {
		return fmt.Errorf("print explanation: %w", err)
	}
	return nil
}

// Explain tells an operator where a job of any account stands. It fails with ErrNotFound.
func (e *Explainer) Explain(ctx context.Context, id uuid.UUID) (Explanation, error) {
	row, err := e.Store.Queries().JobExplain(ctx, db.JobExplainParams{
		ID: id, Most: explainMost, ProviderCalls: e.Limits.ProviderCalls,
	})
	if postgres.IsNotFound(err) {
		return Explanation{}, ErrNotFound
	}
	if err != nil {
		return Explanation{}, fmt.Errorf("explain job: %w", err)
	}
	s := standing{JobExplainRow: row, limits: e.Limits}
	if !s.ended() {
		s.breakerOpen = e.BreakerOpen != nil && e.BreakerOpen(row.Job.Model)
		if e.RepushAfter != nil {
			if after, err := e.RepushAfter(ctx); err == nil {
				s.repushAfter = after << row.Job.Pushes
			}
		}
	}
	reason, advice := s.reason()
	return Explanation{Facts: s.facts(), Reason: reason, Advice: advice}, nil
}

// standing is what is known of a job.
type standing struct {
	db.JobExplainRow

	limits      Limits
	breakerOpen bool
	repushAfter time.Duration // since the last push; 0: not known
}

func (s standing) ended() bool { return s.Job.FinishedAt != nil }
func (s standing) leased() bool {
	return s.Job.Status == "running" && !s.Job.LeaseUntil.Before(s.ReadAt)
}

func (s standing) lapsed() bool {
	return s.Job.Status == "running" && s.Job.LeaseUntil.Before(s.ReadAt)
}
func (s standing) due() bool { return !s.Job.RunAt.After(s.ReadAt) }

func (s standing) waitsFor(what string) bool { return s.Job.WaitsFor != nil && *s.Job.WaitsFor == what }

// tooOld tells whether no attempt may begin any more.
func (s standing) tooOld() bool { return s.ReadAt.Sub(s.Job.QueuedAt) > s.limits.maxAge() }

// pushed tells whether the job's id was pushed since the job became due, or its lease lapsed: then it is in Redis, unless
// it was lost there.
func (s standing) pushed() bool {
	since := s.Job.RunAt
	if s.lapsed() {
		since = *s.Job.LeaseUntil
	}
	return s.Job.PushedAt != nil && !s.Job.PushedAt.Before(since)
}

// at shows a time and how far away it is.
func (s standing) at(t time.Time) string {
	shown := t.UTC().Format(time.RFC3339)
	if t.After(s.ReadAt) {
		return fmt.Sprintf("%s, in %s", shown, t.Sub(s.ReadAt).Round(time.Second))
	}
	return fmt.Sprintf("%s, %s ago", shown, s.ReadAt.Sub(t).Round(time.Second))
}

func (s standing) facts() (facts []Fact) {
	job := s.Job
	add := func(name, format string, args ...any) {
		facts = append(facts, Fact{name, fmt.Sprintf(format, args...)})
	}
	add("job", "%s, of account %s", job.ID, job.UserID)
	add("state", "%s, stage %s, %d %%", job.Status, job.Stage, job.Progress)
	add("attempt", "%d of %d", job.Attempt, MaxAttempts)
	add("model", "%s of %s", job.Model, job.Provider)
	add("queued", "%s", s.at(job.QueuedAt))
	if job.ErrorCode != nil {
		add("error", "%s: %s", *job.ErrorCode, text(job.ErrorMessage))
	}
	if s.ended() {
		add("ended", "%s", s.at(*job.FinishedAt))
		add("refunded", "%d of %d credits", job.RefundedCredits, job.CostCredits)
		return facts
	}
	if s.limits.MaxAge > 0 {
		add("given up", "%s, unless an attempt is under way", s.at(job.QueuedAt.Add(s.limits.MaxAge)))
	}
	if job.Status == "running" {
		add("lease", "until %s", s.at(*job.LeaseUntil))
		if s.leased() {
			return facts
		}
	} else {
		add("run_at", "%s", s.at(job.RunAt))
	}
	switch {
	case s.waitsFor("account"):
		add("account slot", "%d in play of %d, number %d in the account's wait list", s.AccountInPlay, s.limits.UserJobs, s.AccountAhead+1)
	case s.waitsFor("provider"):
		add("provider slot", "number %d in the wait list of %s", s.ProviderAhead+1, job.Provider)
	}
	if s.limits.ProviderCalls > 0 {
		add("provider", "%d of %d slots taken", s.ProviderSlotsTaken, s.limits.ProviderCalls)
	}
	if s.breakerOpen {
		add("breaker", "open for %s: calls that it refuses count as no attempt", job.Model)
	}
	return append(facts, s.pushFacts()...)
}

// pushFacts tell when the job's id was pushed, and when the sweeper pushes it again.
func (s standing) pushFacts() []Fact {
	switch {
	case s.Job.WaitsFor != nil:
		return []Fact{{"pushed", "not while it waits for a slot"}}
	case s.Job.Status == "queued" && !s.due():
		return []Fact{{"pushed", "not before run_at"}}
	case !s.pushed():
		return []Fact{{"pushed", "not yet"}, {"next push", "within a second, by the sweeper"}}
	}
	pushed := Fact{"pushed", fmt.Sprintf("%s; %d times by the sweeper", s.at(*s.Job.PushedAt), s.Job.Pushes)}
	if s.repushAfter == 0 {
		return []Fact{pushed, {"next push", "not known: Redis does not answer"}}
	}
	return []Fact{pushed, {"next push", s.at(s.Job.PushedAt.Add(s.repushAfter)) + ", by the sweeper"}}
}

// What an operator can do.
const (
	adviceSweeper = "If it still does a few seconds later, no worker sweeps: look whether a worker runs, and whether it is ready (/readyz at ADMIN_ADDR)."
	adviceWorkers = "If all workers are busy, start more of them or raise WORKER_GENERATE_SLOTS; if none runs, start one."
)

// reason says in one sentence why the job waits, and what can be done.
func (s standing) reason() (reason, advice string) {
	job := s.Job
	switch {
	case s.ended():
		return s.endReason()
	case s.leased():
		return "It does not wait: a worker draws it and renews its lease.", ""
	case s.tooOld():
		return "It waits because the sweeper has not yet failed and refunded it: it is older than JOB_MAX_AGE.", adviceSweeper
	case s.lapsed() && job.Attempt >= MaxAttempts:
		return "It waits because the worker of its last attempt stopped renewing the lease: the sweeper fails and refunds it within a second.",
			adviceSweeper
	case s.lapsed():
		return "It waits because its worker stopped renewing the lease: the next worker that is told its id takes it over.", adviceWorkers
	case s.waitsFor("account"):
		return s.accountReason()
	case s.waitsFor("provider"):
		return s.providerReason()
	case !s.due() && job.ErrorCode == nil:
		return fmt.Sprintf("It waits because a worker put it back until %s, without a failure.", job.RunAt.UTC().Format(time.RFC3339)), ""
	case !s.due():
		return fmt.Sprintf("It waits because attempt %d failed (%s), and the next one begins after %s.", max(1, job.Attempt), *job.ErrorCode,
			job.RunAt.UTC().Format(time.RFC3339)), s.breakerAdvice()
	case !s.pushed():
		return "It waits because its id is not in Redis yet: the sweeper pushes it within a second.", adviceSweeper
	default:
		return "It waits because no worker has taken its id from Redis.", adviceWorkers
	}
}

func (s standing) accountReason() (reason, advice string) {
	if s.limits.UserJobs > 0 && s.AccountInPlay >= int64(s.limits.UserJobs) {
		return fmt.Sprintf("It waits because its account has %d jobs in play, as many as it may have at once, and %d of its jobs go first.",
			s.AccountInPlay, s.AccountAhead), "It goes on when they end; WORKER_USER_JOBS is the limit."
	}
	return "It waits because the sweeper has not yet given it the slot of its account that is free.", adviceSweeper
}

func (s standing) providerReason() (reason, advice string) {
	if s.ProviderSlotsTaken >= int64(s.limits.ProviderCalls) {
		return fmt.Sprintf("It waits because %s draws %d jobs, as many as it may at once, and %d jobs go first.",
			s.Job.Provider, s.ProviderSlotsTaken, s.ProviderAhead), "It goes on when they end; PROVIDER_MAX_CALLS is the limit."
	}
	return fmt.Sprintf("It waits because the sweeper has not yet given it a slot of %s that is free.", s.Job.Provider), adviceSweeper
}

func (s standing) breakerAdvice() string {
	if !s.breakerOpen {
		return ""
	}
	return "The breaker of its model is open, so look whether the provider is down; nothing else need be done."
}

func (s standing) endReason() (reason, advice string) {
	job := s.Job
	reason = map[string]string{
		"succeeded": "It does not wait: it succeeded.", "failed": "It does not wait: it failed.", "canceled": "It does not wait: it was canceled.",
	}[job.Status]
	if job.Status == "failed" && job.HandledAt == nil && !isOwnersFault(text(job.ErrorCode)) {
		advice = fmt.Sprintf("`mugshot worker dead retry %s` queues it anew, which its owner pays.", job.ID)
	}
	return reason, advice
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
