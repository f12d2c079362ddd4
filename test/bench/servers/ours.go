package servers

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// NewOurs prepares our server: `mugshot api` from bin as in production, and workers that are `mugshot worker` with a provider that
// takes no time; see test/bench/instant.
func NewOurs(ctx context.Context, stack *Stack, bin string) (*Side, error) {
	secret := rand.Text() + rand.Text()
	mint, err := ourTokens(secret)
	if err != nil {
		return nil, err
	}
	users, err := virtual(mint)
	if err != nil {
		return nil, err
	}
	s := &Side{
		Name: Ours, Users: users, stack: stack, number: 1, schema: migrated(), launch: ours{bin: bin, secret: secret}.launch,
		Jobs: JobQueries{
			// One picture for each job. Counting them costs less than counting jobs, which include those of earlier days.
			Done: "select count(*) from renders where created_at >= $1",
			Times: `select (extract(epoch from finished_at - queued_at) * 1000)::float8, finished_at
				from jobs where queued_at >= $1 and status = 'succeeded'`,
		},
	}
	return s, stack.seed(ctx, s.Name, s.schema)
}

type ours struct{ bin, secret string }

// slots is the number of slots of a worker, the same as of the floor's.
const slots = 16

// environment is that of production, as far as one machine allows. The limits of one account are raised, since a few accounts
// stand for many; apart from that, only the slots of the workers and the calls of the provider are set.
func (o ours) environment(s *Side, home string, options Options) []string {
	calls := cmp.Or(options.Calls, slots*max(options.Workers, 1))
	return []string{
		"HOME=" + home, "DEV_DIR=" + s.stack.pictures, "LOG_LEVEL=info", "DATABASE_URL=" + s.DSN(), "REDIS_URL=" + s.RedisURL(), "JWT_SECRET=" + o.secret,
		"RATE_LIMIT_FACTOR=1000000", "API_USER_STREAMS=1000000", "AUTH_MAX_FAILURES=100", "DRAIN_GRACE=0s", "DRAIN_TIMEOUT=2s",
		"WORKER_USER_JOBS=1000", "WORKER_GENERATE_SLOTS=" + strconv.Itoa(slots),
		"PROVIDER_MAX_CALLS=" + strconv.Itoa(calls),
	}
}

// production returns the settings that APP_ENV=production requires. Nothing is sent to these addresses: the API neither sends mails
// nor draws, and no workload uploads.
func production() []string {
	const unused = "http://127.0.0.1:1"
	return []string{
		"APP_ENV=production", "PUBLIC_APP_URL=https://localhost", "SUPABASE_URL=" + unused, "SUPABASE_KEY=unused",
		"SMTP_URL=smtp://127.0.0.1:1", "GEMINI_API_KEY=unused", "GEMINI_BASE_URL=" + unused,
	}
}

func (o ours) launch(ctx context.Context, s *Side, options Options) (*launched, error) {
	home := filepath.Join(s.stack.dir, "ours")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	up := &launched{admin: map[string]string{}}
	admin, err := freeAddress()
	if err != nil {
		return up, err
	}
	up.admin[ServerGroup] = admin
	if up.addr, err = freeAddress(); err != nil {
		return up, err
	}
	api := exec.Command(filepath.Join(o.bin, "mugshot"), "api")
	api.Dir, api.Env = home, append(append(o.environment(s, home, options), production()...), "HTTP_ADDR="+up.addr, "ADMIN_ADDR="+admin,
		"GOGC=150", "GOMEMLIMIT=900MiB") // these two as deploy sets them
	server, err := start(s.stack.dir, "ours-api", api)
	if err != nil {
		return up, err
	}
	up.server = []*process{server}
	if err := server.await(ctx, answers("http://"+admin+"/readyz", http.StatusOK)); err != nil {
		return up, err
	}
	for i := range options.Workers {
		if admin, err = freeAddress(); err != nil {
			return up, err
		}
		if i == 0 {
			up.admin[WorkerGroup] = admin
		}
		work := exec.Command(filepath.Join(o.bin, "instant"))
		work.Dir, work.Env = home, append(o.environment(s, home, options), "ADMIN_ADDR="+admin)
		worker, err := start(s.stack.dir, "ours-worker-"+strconv.Itoa(i+1), work)
		if err != nil {
			return up, err
		}
		up.workers = append(up.workers, worker)
		if err := worker.await(ctx, answers("http://"+admin+"/readyz", http.StatusOK)); err != nil {
			return up, err
		}
	}
	return up, nil
}
