package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/ops/admin"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// Roles are what a process does. Both at once is for development.
type Roles struct {
	API    net.Listener // where the API is served; nil: nowhere
	Admin  net.Listener // where operators look: metrics, health, what waits; nil: nowhere
	Worker bool
	Edge   bool // the caller serves [App.Edge] itself
}

// channels are those that the roles have readers of.
func (r Roles) channels() (channels []events.Channel) {
	if r.API != nil || r.Edge {
		channels = append(channels, events.StateChannel)
	}
	if r.Worker {
		channels = append(channels, events.ControlChannel)
	}
	return channels
}

// rightsTimeout bounds the look at the rights of the database's role.
const rightsTimeout = time.Minute

// Run plays the roles until ctx ends, and then stops in the order that the package comment gives. It returns an error
// when a role could not start, failed, or did not end within DRAIN_TIMEOUT.
func (a *App) Run(ctx context.Context, roles Roles) error {
	hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	hubEnded := make(chan struct{})
	go func() { defer close(hubEnded); a.hub.Run(hubCtx, roles.channels()...) }()
	defer func() { stopHub(); <-hubEnded }()

	group, ctx := errgroup.WithContext(ctx)
	if a.cfg.InProduction() {
		group.Go(func() error { a.reportRights(ctx); return nil })
	}
	var consumers *queue.Consumers
	if roles.Worker {
		var err error
		consumers, err = a.startWorker() //nolint:contextcheck // tasks end by Drain, later than ctx
		if err != nil {
			return err
		}
		group.Go(func() error { return a.drainWorker(ctx, consumers) })
		group.Go(func() error { a.sweeper().Run(ctx); return nil })
	}
	if roles.API != nil {
		edge, err := a.Edge() //nolint:contextcheck // requests bring their own
		if err != nil {
			return err
		}
		group.Go(func() error { return a.serve(ctx, roles.API, edge, func() { a.startDraining(edge) }, edge.Wait) })
	}
	if roles.Admin != nil {
		queues := a.queue.WebUI(admin.QueuesPath)
		defer queues.Close()
		group.Go(func() error { return a.serve(ctx, roles.Admin, a.admin(consumers, queues), func() {}, nil) })
	}
	return group.Wait()
}

// serve answers on a listener until ctx ends. Then it calls drain, and answers until that returns; it waits for requests
// in flight and, unless wait is nil, for what wait waits for.
func (a *App) serve(
	ctx context.Context, l net.Listener, handler http.Handler, drain func(), wait func(context.Context) error,
) error {
	server := edge.NewHTTPServer(l.Addr().String(), handler, a.environment.Log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain()
	ending, cancel := a.drainContext(ctx)
	defer cancel()
	err := server.Shutdown(ending)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests did not end in time: %w", err), server.Close())
	}
	if wait != nil {
		err = errors.Join(err, wait(ending))
	}
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	return err
}

// startDraining lets load balancers notice that this instance is about to go before it turns clients away: their checks
// find it not ready, and clients that stream are told to come back only when another instance will be asked.
func (a *App) startDraining(edge *edge.Edge) {
	edge.FailReadiness()
	time.Sleep(a.cfg.DrainGrace)
	edge.Drain()
}

func (a *App) drainWorker(ctx context.Context, consumers *queue.Consumers) error {
	<-ctx.Done()
	ending, cancel := a.drainContext(ctx)
	defer cancel()
	if err := consumers.Drain(ending); err != nil {
		return fmt.Errorf("drain worker: %w", err)
	}
	return nil
}

func (a *App) drainContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), a.cfg.DrainTimeout)
}

// reportRights writes an error into the log when the process connects to Postgres as the owner of the tables. It looks once:
// where Postgres does not answer yet, the next start looks again.
func (a *App) reportRights(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, rightsTimeout)
	defer cancel()
	owns, err := a.store.OwnsTables(ctx)
	switch {
	case err != nil:
		a.environment.Log.WarnContext(ctx, "rights of the database's role not known", "error", err)
	case owns:
		a.environment.Log.ErrorContext(ctx, "this process connects to Postgres as the owner of the tables: "+
			"give it a role that owns nothing (docs/deployment.md, \"The database\")")
	}
}
