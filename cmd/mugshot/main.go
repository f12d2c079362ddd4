// Command mugshot is the whole backend: each of its commands is a role that a process can play.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: mugshot <command>

  api                                      serve the API
  worker                                   draw thumbnails and send mails
  worker dead list [--limit N]             what was given up: mails, and jobs that failed through no fault of their owners
  worker dead retry | drop ID …            send the mail again, or queue the job anew, which its owner pays; or let it be
  jobs explain ID                          tell where a job stands, why it waits, and what can be done
  migrate up | down [n] | status           change the database's schema
  storage setup                            make the buckets
  storage bind                             say that the buckets hold this database's pictures, also after a restore
  storage orphans [--remove]               count the objects without a row, or remove them, however many
  credits grant --email E --amount N       give credits to an account
  users reset-2fa EMAIL                    take the second factor off an account whose owner has lost it, and sign it out everywhere
  health [api]                             ask the process beside it whether it is ready: at ADMIN_ADDR, or at HTTP_ADDR
  verify                                   check that ledgers, jobs and pictures add up; changes nothing
  version                                  tell which build this is

Settings come from the environment and from .env; .env.example explains them.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mugshot:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{
		"api": api, "worker": work, "jobs": explainJob, "migrate": migrateSchema, "storage": storageCommand, "credits": grantCredits,
		"users": resetSecondFactor, "verify": verify, "version": version, "health": health,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return errUsage
	}
	return commands[args[0]](ctx, args[1:])
}
