package process_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// dev starts the whole stack in a folder and waits until it is ready; it returns how long that took.
func dev(t *testing.T, dir string, env ...string) (*process, time.Duration) {
	t.Helper()
	begun := time.Now()
	p := startAs(t, dir, env, devBinary)
	p.awaitReady(t, p.http)
	return p, time.Since(begun)
}

// family returns the living descendants of a process, by id.
func (p *process) family(t *testing.T) map[int]string {
	t.Helper()
	table, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=,comm=").Output()
	require.NoError(t, err)
	type entry struct {
		parent int
		name   string
	}
	all := map[int]entry{}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) < 4 || strings.HasPrefix(f[2], "Z") { // a zombie: it has ended and was not reaped yet
			continue
		}
		pid, err := strconv.Atoi(f[0])
		require.NoError(t, err)
		parent, err := strconv.Atoi(f[1])
		require.NoError(t, err)
		all[pid] = entry{parent, f[3]}
	}
	family := map[int]string{}
	for pid, e := range all {
		for at := e; at.parent > 1; at = all[at.parent] {
			if at.parent == p.cmd.Process.Pid {
				family[pid] = e.name
			}
		}
	}
	return family
}

// awaitEndOf waits until none of the processes is left.
func awaitEndOf(t *testing.T, family map[int]string) {
	t.Helper()
	require.NotEmpty(t, family)
	for pid, name := range family {
		eventuallyf(t, func() bool {
			stat, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output() // fails when there is none
			return len(stat) == 0 || stat[0] == 'Z'
		}, "%s (%d) is still there", name, pid)
	}
}

// The main job across a restart: the account and the session made before it are good after it.
func TestDev_keepsDataOverARestart(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first, cold := dev(t, dir)
	ada := creator{email: uuid.NewString()[:18] + "@example.com"}
	signUp(t, first, mailFile(dir), &ada)
	family := first.family(t)
	stopped := first.stop(t, syscall.SIGINT)
	awaitEndOf(t, family)

	second, warm := dev(t, dir)
	t.Logf("first start %s, stop %s, second start %s", cold, stopped, warm)
	require.Less(t, warm, 10*time.Second, "3 s are promised; other tests run beside this one")
	code, said := run(t, dir, nil, "credits", "grant", "--email", ada.email, "--amount", "5")
	require.Zero(t, code, said)
	require.Contains(t, said, "has 15 credits")
	project, err := ada.at(second).CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: "youtube", Prompt: client.Prompt{Headline: "I built a robot"},
	})
	require.NoError(t, err)
	require.NotNil(t, project.JSON201, string(project.Body))
	ada.project = project.JSON201.ID
	id := ada.queue(t, second, client.QualityStd, 1)
	require.Len(t, ada.awaitSuccess(t, second, id).Renders, 1)

	family = second.family(t)
	second.stop(t, syscall.SIGTERM)
	awaitEndOf(t, family)
	require.NoFileExists(t, filepath.Join(dir, ".dev", "stack.env"))
}

// mailFile finds the first mail that a development stack has written.
func mailFile(dir string) func() string {
	return func() string {
		mails, _ := filepath.Glob(filepath.Join(dir, ".dev", "mail", "*.eml")) // fails on bad patterns only
		if len(mails) == 0 {
			return ""
		}
		mail, _ := os.ReadFile(mails[0])
		return string(mail)
	}
}

// signUp makes an account as a creator does, with the code from the mail. mail returns "" until there is one.
func signUp(t *testing.T, api *process, mail func() string, c *creator) {
	t.Helper()
	signedUp, err := c.at(api).SignUpWithResponse(t.Context(), client.SignUpRequest{
		Email: c.email, Password: goodPassword, ConfirmPassword: goodPassword, Username: "u" + uuid.NewString()[:8],
		FullName: "Ada Lovelace", Dob: client.BirthDate{Time: time.Date(1995, time.December, 10, 0, 0, 0, 0, time.UTC)},
	})
	require.NoError(t, err)
	require.NotNil(t, signedUp.JSON201, string(signedUp.Body))
	var code string
	eventuallyf(t, func() bool {
		_, body, _ := strings.Cut(mail(), "\r\n\r\n")
		code = regexp.MustCompile(`\b\d{6}\b`).FindString(body)
		return code != ""
	}, "mail with a code")
	confirmed, err := c.at(api).ConfirmEmailWithResponse(t.Context(), client.ConfirmRequest{Email: c.email, Code: code})
	require.NoError(t, err)
	require.NotNil(t, confirmed.JSON200, string(confirmed.Body))
	signedIn, err := c.at(api).SignInWithResponse(t.Context(), client.SignInRequest{Email: c.email, Password: goodPassword})
	require.NoError(t, err)
	require.NotNil(t, signedIn.JSON200, string(signedIn.Body))
	c.bearer = signedIn.JSON200.SessionToken
}

// mugshot-dev leaves no server behind even when it is killed, and the next start finds the data.
func TestDev_leavesNoServersWhenKilled(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first, _ := dev(t, dir)
	family := first.family(t)
	first.kill()
	awaitEndOf(t, family)

	code, said := run(t, dir, nil, "credits", "grant", "--email", "ada@example.com", "--amount", "5")
	require.NotZero(t, code)
	require.Contains(t, said, "no development stack is running")
	second, took := dev(t, dir)
	t.Logf("start after a kill %s", took)
	second.stop(t, syscall.SIGINT)
}

// Ctrl-C during the start is no failure, and leaves nothing behind either.
func TestDev_canBeStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	p := startAs(t, dir, nil, devBinary)
	eventuallyf(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, ".dev", "postgres"))
		return err == nil
	}, "a first sign of Postgres")
	t.Logf("stopped after %s", p.stop(t, syscall.SIGINT))
	again, _ := dev(t, dir)
	again.stop(t, syscall.SIGINT)
}

// Without a redis-server on the PATH, mugshot-dev uses the embedded one.
func TestDev_embedsRedisWhereThereIsNone(t *testing.T) {
	t.Parallel()
	p, took := dev(t, openDir(t), "PATH=/nowhere")
	t.Logf("first start %s", took)
	for _, name := range p.family(t) {
		require.NotContains(t, name, "redis")
	}
	p.stop(t, syscall.SIGINT)
}

func TestDev_usesGivenServers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dir, dsn := openDir(t), pgtest.Empty(t)
	p, took := dev(t, dir, "DATABASE_URL="+dsn, "REDIS_URL="+f.redis.URL())
	t.Logf("first start %s", took)
	require.Empty(t, p.family(t))
	require.NoDirExists(t, filepath.Join(dir, ".dev", "postgres"))
	require.NoDirExists(t, filepath.Join(dir, ".dev", "redis"))
	f.awaitRestored(t) // it sweeps the Redis that it was given
	code, said := run(t, dir, []string{"DATABASE_URL=" + dsn}, "migrate", "status")
	require.Zero(t, code, said)
	require.Contains(t, said, "applied=true")
	require.NotContains(t, said, "applied=false")
	p.stop(t, syscall.SIGINT)
}

// take occupies an address for the length of the test.
func take(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestDev_refusesATakenAddress(t *testing.T) {
	t.Parallel()
	dir, taken := openDir(t), take(t)
	begun := time.Now()
	p := startAs(t, dir, []string{"HTTP_ADDR=" + taken}, devBinary)
	code, said := p.wait(t), p.output.String()
	require.Equal(t, 1, code)
	t.Logf("refused after %s: %s", time.Since(begun), said)
	require.Contains(t, said, "HTTP_ADDR")
	require.Contains(t, said, taken)
	require.NoDirExists(t, filepath.Join(dir, ".dev", "postgres"), "nothing was started in vain")

	f := setup(t)
	p, _ = dev(t, dir, "ADMIN_ADDR="+taken, "DATABASE_URL="+f.admin, "REDIS_URL="+f.redis.URL())
	metrics := regexp.MustCompile(`http://\S+/metrics`).FindString(p.output.String())
	require.NotContains(t, metrics, taken)
	require.Equal(t, http.StatusOK, status(t.Context(), metrics))
	p.stop(t, syscall.SIGINT)

	code, said = run(t, f.dir, f.env("ADMIN_ADDR="+taken), "worker")
	require.Equal(t, 1, code)
	require.Contains(t, said, "ADMIN_ADDR", "a worker takes no other address: its probes and scrapers have to know it")
}

func TestDev_readsDotEnv(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dir, address := openDir(t), freeAddress(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("# ours\nPROJECT_NAME=\"From the file\"\nHTTP_ADDR="+address+
		"\nDATABASE_URL="+f.admin+"\nREDIS_URL="+f.redis.URL()+"\n"), 0o600))
	p := startAs(t, dir, nil, devBinary)
	p.awaitReady(t, address)
	require.Contains(t, p.output.String(), "From the file is running")
	p.stop(t, syscall.SIGINT)
}

func TestCommands_nameEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	env := []string{
		"APP_ENV=production", "JWT_SECRET=short", "DATABASE_URL=postgres://postgres:postgres@db/app", "RATE_LIMIT_FACTOR=0",
		"JOB_LEASE=soon",
	}
	for _, command := range [][]string{{binary, "api"}, {binary, "worker"}, {devBinary}} {
		p := startAs(t, t.TempDir(), env, command[0], command[1:]...)
		code, said := p.wait(t), p.output.String()
		require.Equal(t, 1, code)
		for _, want := range []string{
			"JWT_SECRET has 5 bytes", "DATABASE_URL has a default password", "REDIS_URL is missing",
			"SUPABASE_URL is missing", "RATE_LIMIT_FACTOR", "JobLease",
		} {
			require.Contains(t, said, want, command)
		}
		require.NotContains(t, said, "postgres:postgres")
		require.Equal(t, command[len(command)-1] != "api", strings.Contains(said, "SMTP_URL is missing"), "an API sends no mails")
	}
	code, said := run(t, t.TempDir(), nil, "api")
	require.Equal(t, 1, code)
	require.Contains(t, said, "DATABASE_URL, REDIS_URL and JWT_SECRET are not set")
	code, said = run(t, t.TempDir(), nil, "fly")
	require.Equal(t, 2, code)
	require.Contains(t, said, "usage: mugshot")
}
