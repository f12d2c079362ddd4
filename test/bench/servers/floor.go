package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
)

// NewFloor prepares the floor: the command of the same name, from bin.
func NewFloor(ctx context.Context, stack *Stack, bin string) (*Side, error) {
	secret := rand.Text() + rand.Text()
	users, err := virtual(plainTokens(secret))
	if err != nil {
		return nil, err
	}
	s := &Side{Name: Floor, Users: users, stack: stack, number: 2, schema: plain(), launch: floor{bin: bin, secret: secret}.launch, Jobs: plainJobs()}
	return s, stack.seed(ctx, s.Name, s.schema)
}

func plainJobs() JobQueries {
	return JobQueries{
		Done: "select count(*) from jobs where created_at >= $1 and status = 'succeeded'",
		Times: `select (extract(epoch from finished_at - created_at) * 1000)::float8, finished_at
			from jobs where created_at >= $1 and status = 'succeeded'`,
	}
}

type floor struct{ bin, secret string }

// ready is the line that the floor and the peer's worker print when they can be measured.
const ready = "bench: ready"

func (f floor) launch(ctx context.Context, s *Side, options Options) (*launched, error) {
	up := &launched{}
	var err error
	if up.addr, err = freeAddress(); err != nil {
		return up, err
	}
	begin := func(name string, settings map[string]any) (*process, error) {
		settings["secret"], settings["redis"] = f.secret, s.RedisURL()
		text, err := json.Marshal(settings)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(filepath.Join(f.bin, "floor"))
		cmd.Stdin = bytes.NewReader(text) // not as arguments, which every user may list
		return start(s.stack.dir, name, cmd)
	}
	server, err := begin("floor-api", map[string]any{"listen": up.addr, "postgres": s.DSN() + "&pool_max_conns=8&pool_min_conns=8", "events": options.Events})
	if err != nil {
		return up, err
	}
	up.server = []*process{server}
	if err := server.await(ctx, answers("http://"+up.addr+"/", http.StatusNotFound)); err != nil {
		return up, err
	}
	for i := range options.Workers {
		worker, err := begin("floor-worker-"+strconv.Itoa(i+1), map[string]any{"postgres": s.DSN() + "&pool_max_conns=16", "slots": 16})
		if err != nil {
			return up, err
		}
		up.workers = append(up.workers, worker)
		if err := worker.await(ctx, worker.says(ready)); err != nil {
			return up, err
		}
	}
	return up, nil
}
