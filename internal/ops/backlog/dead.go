package backlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// ErrNotDead says that there is no dead task of an id: it never failed, or an operator has dealt with it.
var ErrNotDead = errors.New("there is no dead task of this id")

// Dead is a task that was given up and that no operator has dealt with: a mail, or a job that failed through no fault of
// its owner.
type Dead struct {
	ID       uuid.UUID
	Kind     string // generate or mail
	FailedAt time.Time
	Attempts int32
	Reason   string // what the job's owner was told, as a code; or the mail's kind and what its server said
}

// List reads the newest dead tasks, at most limit.
func (s *Service) List(ctx context.Context, limit int) ([]Dead, error) {
	jobs, err := s.store.Queries().DeadJobs(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("list dead jobs: %w", err)
	}
	mails, err := s.store.Queries().DeadMails(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("list dead mails: %w", err)
	}
	list := make([]Dead, 0, len(jobs)+len(mails))
	for _, j := range jobs {
		list = append(list, Dead{ID: j.ID, Kind: "generate", FailedAt: j.FailedAt, Attempts: j.Attempt, Reason: j.Reason})
	}
	for _, m := range mails {
		list = append(list, Dead{
			ID: m.ID, Kind: "mail", FailedAt: m.FailedAt, Attempts: m.Attempt, Reason: m.Kind + ": " + m.Reason,
		})
	}
	slices.SortFunc(list, func(a, b Dead) int { return b.FailedAt.Compare(a.FailedAt) })
	return list[:min(limit, len(list))], nil
}

// Write prints dead tasks as a table. Reasons may quote a mail server, and are quoted themselves.
func Write(f io.Writer, list []Dead) error {
	table := tabwriter.NewWriter(f, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tKIND\tFAILED\tATTEMPTS\tREASON")
	for _, d := range list {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%.120q\n", d.ID, d.Kind, d.FailedAt.UTC().Format(time.RFC3339), d.Attempts, d.Reason)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print dead tasks: %w", err)
	}
	return nil
}

// Retry gives a dead task another chance and returns the id under which it runs. A mail is sent anew. A job was refunded,
// so it is queued as a new one, for which its owner pays again. It fails with ErrNotDead, and with what jobs.Repeat
// fails with.
func (s *Service) Retry(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	mails, err := s.store.Queries().DeadMailRetry(ctx, id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("retry mail: %w", err)
	}
	if mails > 0 {
		_ = s.pushMail(ctx, id) // where Redis is away, the sweeper pushes it
		return id, nil
	}
	repeated, err := s.jobs.Repeat(ctx, id)
	return repeated, notDead(err)
}

// Drop takes a dead task from the list. A mail is forgotten; a failed job stays in its owner's history. It fails with
// ErrNotDead.
func (s *Service) Drop(ctx context.Context, id uuid.UUID) error {
	mails, err := s.store.Queries().DeadMailDrop(ctx, id)
	if err != nil {
		return fmt.Errorf("drop mail: %w", err)
	}
	if mails > 0 {
		return nil
	}
	return notDead(s.jobs.Dismiss(ctx, id))
}

// notDead says in words of this package that a domain knows no such task.
func notDead(err error) error {
	if err != nil && apperr.From(err).Kind == apperr.NotFound {
		return ErrNotDead
	}
	return err
}
