// Package backlog shows operators what waits, runs and has failed, and lets them retry or drop what was given up. It counts
// rows in Postgres, which are the truth, and no messages in Redis, which only wake workers. No count goes beyond [Most].
package backlog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Most is the highest number that is counted to, so that a look costs no more however much waits.
const Most = 10_000

// Jobs is what the backlog asks of the jobs.
type Jobs interface {
	Repeat(ctx context.Context, failedID uuid.UUID) (uuid.UUID, error)
	Dismiss(ctx context.Context, failedID uuid.UUID) error
}

// Service counts tasks, and lists, retries and drops dead ones.
type Service struct {
	store    *postgres.Store
	jobs     Jobs
	pushMail func(ctx context.Context, id uuid.UUID) error
}

// NewService returns a service; pushMail pushes a mail's id to the workers.
func NewService(s *postgres.Store, jobs Jobs, pushMail func(ctx context.Context, id uuid.UUID) error) *Service {
	return &Service{store: s, jobs: jobs, pushMail: pushMail}
}

// Kind counts the tasks of a kind by state.
type Kind struct {
	Name           string
	Waiting        int64         // may be taken
	Parked         int64         // wait for a slot of their account, or of their provider
	Retrying       int64         // wait for another attempt
	Running        int64         // are being done
	FailedLastHour int64         // were given up
	Oldest         time.Duration // since the oldest that has not ended was asked for; 0: there is none
}

// Provider counts the jobs of a provider by state.
type Provider struct {
	Name    string
	Running int64 // jobs that it draws
	Parked  int64 // jobs that wait for it
}

// Overview counts all tasks. Providers that have nothing to do are not in it.
type Overview struct {
	Kinds     []Kind
	Providers []Provider
}

// Look counts all tasks.
func (s *Service) Look(ctx context.Context) (Overview, error) {
	kinds, err := s.store.Queries().BacklogByKind(ctx, Most)
	if err != nil {
		return Overview{}, fmt.Errorf("count tasks: %w", err)
	}
	providers, err := s.store.Queries().BacklogByProvider(ctx, Most)
	if err != nil {
		return Overview{}, fmt.Errorf("count calls of providers: %w", err)
	}
	var o Overview
	for _, k := range kinds {
		o.Kinds = append(o.Kinds, kindOf(k))
	}
	for _, p := range providers {
		o.Providers = append(o.Providers, Provider{Name: p.Provider, Running: p.Running, Parked: p.Parked})
	}
	return o, nil
}

func kindOf(k db.BacklogByKindRow) Kind {
	return Kind{
		Name: k.Kind, Waiting: k.Waiting, Parked: k.Parked, Retrying: k.Retrying, Running: k.Running,
		FailedLastHour: k.FailedLastHour, Oldest: time.Duration(k.OldestSeconds * float64(time.Second)),
	}
}
