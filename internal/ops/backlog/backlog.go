// Package backlog shows operators what waits, runs and has failed, over the rows that are the truth about it, and lets
// them deal with what was given up.
package backlog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Most is the highest number that is counted to: what waits beyond it makes the look at it no dearer.
const Most = 10_000

// Jobs is what the backlog asks of the jobs.
type Jobs interface {
	Repeat(ctx context.Context, failedID uuid.UUID) (uuid.UUID, error)
	Dismiss(ctx context.Context, failedID uuid.UUID) error
}

// Service answers operators.
type Service struct {
	store    *postgres.Store
	jobs     Jobs
	pushMail func(ctx context.Context, id uuid.UUID) error
}

// NewService returns a service; pushMail tells the workers of a mail.
func NewService(s *postgres.Store, jobs Jobs, pushMail func(ctx context.Context, id uuid.UUID) error) *Service {
	return &Service{store: s, jobs: jobs, pushMail: pushMail}
}

// Kind is how the tasks of a kind stand. No number is above Most.
type Kind struct {
	Name           string
	Waiting        int64         // may be taken
	Parked         int64         // wait for a slot of their account, or of their provider
	Retrying       int64         // wait for another attempt
	Running        int64         // are being done
	FailedLastHour int64         // were given up
	Oldest         time.Duration // since the oldest that has not ended was asked for; 0: there is none
}

// Provider is how the calls of a provider stand. No number is above Most.
type Provider struct {
	Name    string
	Running int64 // jobs that it draws
	Parked  int64 // jobs that wait for it
}

// Overview is how all tasks stand. Providers that have nothing to do are not in it.
type Overview struct {
	Kinds     []Kind
	Providers []Provider
}

// Look reads how all tasks stand.
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
		o.Providers = append(o.Providers, Provider{Name: p.Provider, Running: p.Running, Parked: p.Held})
	}
	return o, nil
}

func kindOf(k db.BacklogByKindRow) Kind {
	return Kind{
		Name: k.Kind, Waiting: k.Waiting, Parked: k.Held, Retrying: k.Retrying, Running: k.Running,
		FailedLastHour: k.FailedLastHour, Oldest: time.Duration(k.OldestSeconds * float64(time.Second)),
	}
}
