// Package task runs background work whose truth is a row of Postgres. A domain implements [Kind]; [Runner] takes the id
// that the queue delivers through the life of one attempt:
//
//	claim → hold the lease → work → write what came of it
//
// # States and invariants
//
// A row waits, is claimed, or has ended. Redis only carries ids, so an id may come twice, late, or never; what holds is:
//
//   - One attempt at a time has the lease. A claim raises the row's fencing token, and every write of an attempt names the
//     token it was claimed with, so that an attempt whose lease was taken over writes nothing.
//   - Every claim ends in exactly one [Outcome]. Where the end can't be written ([Unwritten]) or the process dies, the lease
//     lapses and the sweeper has the row pushed again, or gives it up when no attempt is left (see [Recovery]).
//   - An attempt counts unless its end was our own doing: the process drains, or a limit of ours stopped it before a vendor
//     was asked ([Decision].Throttled). So a deployment never uses up the attempts of a task.
//
// The package knows no kind; the domains stand above it.
package task
