package servers

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// PeerModules lists the modules that the peer imports; Debian's packages are named python3- and the module.
const PeerModules = "fastapi, uvicorn, uvloop, httptools, asyncpg, redis, celery, jwt, argon2, ujson, psycopg2"

// FindPython returns a python3 that can run the peer, with the versions of its modules, or "".
func FindPython(ctx context.Context) (path, versions string) {
	const tell = "import sys, " + PeerModules + "; print('Python', sys.version.split()[0] + ',', 'FastAPI', fastapi.__version__ + ',', " +
		"'uvicorn', uvicorn.__version__ + ',', 'asyncpg', asyncpg.__version__ + ',', 'Celery', celery.__version__)"
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		cmd := exec.CommandContext(ctx, python, "-c", tell)
		cmd.Env = pythonEnvironment()
		found, err := cmd.Output()
		if err == nil {
			return python, strings.TrimSpace(string(found))
		}
	}
	return "", ""
}

// pythonEnvironment returns what Python needs of our environment to find its library and modules. An interpreter that was started
// as "python3" looks for itself in PATH.
func pythonEnvironment() []string {
	env := []string{"PYTHONDONTWRITEBYTECODE=1"}
	for _, name := range []string{"PATH", "HOME", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// NewPeer prepares the peer, the old stack's design, from its source folder.
func NewPeer(ctx context.Context, stack *Stack, python, source string) (*Side, error) {
	secret := rand.Text() + rand.Text()
	users, err := virtual(plainTokens(secret))
	if err != nil {
		return nil, err
	}
	s := &Side{
		Name: Peer, Users: users, stack: stack, number: 3, schema: plain(), Jobs: plainJobs(),
		launch: peer{python: python, source: source, secret: secret}.launch,
	}
	return s, stack.seed(ctx, s.Name, s.schema)
}

type peer struct{ python, source, secret string }

// command runs a module of Python with some settings in its environment.
func (p peer) command(settings []string, module ...string) *exec.Cmd {
	cmd := exec.Command(p.python, append([]string{"-m"}, module...)...)
	cmd.Dir, cmd.Env = p.source, append(pythonEnvironment(), settings...)
	return cmd
}

func (p peer) launch(ctx context.Context, s *Side, options Options) (*launched, error) {
	up := &launched{}
	var err error
	if up.addr, err = freeAddress(); err != nil {
		return up, err
	}
	begin := func(name string, args ...string) (*process, error) {
		settings := []string{"DATABASE_URL=" + s.DSN(), "REDIS_URL=" + s.RedisURL(), "JWT_SECRET=" + p.secret}
		if options.Events {
			settings = append(settings, "EVENTS=1")
		}
		return start(s.stack.dir, name, p.command(settings, args...))
	}
	_, port, err := net.SplitHostPort(up.addr)
	if err != nil {
		return up, err
	}
	server, err := begin("peer-api", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", port, "--workers", "2",
		"--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--backlog", "4096")
	if err != nil {
		return up, err
	}
	up.server = []*process{server}
	if err := server.await(ctx, answers("http://"+up.addr+"/", http.StatusNotFound)); err != nil {
		return up, err
	}
	for i := range options.Workers {
		worker, err := begin("peer-worker-"+strconv.Itoa(i+1), "celery", "-A", "tasks", "worker", "--pool", "threads", "-c", "4",
			"--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING", "-n", "worker"+strconv.Itoa(i+1))
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
