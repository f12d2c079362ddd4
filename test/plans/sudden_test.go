package plans_test

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed sudden.sql
var suddenSQL string

// One job, reply and mail in the middle of what waits.
const (
	waitingJob   = "'c0001000-0007-7000-8000-000000000000'"
	waitingReply = "'c0001000-000a-7000-8000-000000000000'"
	waitingMail  = "'c0001000-000c-7000-8000-000000000000'"
	begunReply   = "'c0019bb0-000a-7000-8000-000000000000'"
	begunMail    = "'c0019bb0-000c-7000-8000-000000000000'"
)

// steps are the statements that each task passes on its way, with arguments as a worker or the API has them. blocks bounds
// the blocks of 8 kB that it touches, however many others wait.
var steps = []struct {
	query, args string
	blocks      int64
}{
	{"JobQueue", account + "," + project + ", 1, 2, gen_random_uuid(), 'local', 'local', 'std', 1, 1280, 720, 1, null, 'r', null, 2," +
		"gen_random_uuid()", 150},
	{"JobPark", waitingJob, 40},
	{"JobClaim", waitingJob + ", 16, 30, 3", 150},
	{"JobRenew", "30, " + waitingJob + ", 1", 40},
	{"JobAdvance", "'generating', 10, " + waitingJob + ", 1", 40},
	{"JobSucceed", "array[gen_random_uuid()], '{00000000-0000-7000-8000-000000000001}', array[1], '{p}', '{image/png}', '{2}', array[16], " +
		"'{9}', array[md5('p')], '{}', " + waitingJob + ", 1, gen_random_uuid(), '{}'", 40},
	{"JobRetry", "null, 'why', true, 0, " + waitingJob + ", 1, null::uuid, null::jsonb", 40},
	{"JobEnd", "'canceled', null, 'why', null, " + waitingJob + ", null::uuid, null::bigint, 3, 0, gen_random_uuid(), null::uuid, null::jsonb", 150},
	{"JobMarkDue", "500, null, 15, 3", 40}, // all were pushed just now: nobody has to be told again
	{"JobWakeByProvider", "true, 1, 'local', 16", 150},
	{"ReplyClaim", "30, " + waitingReply + ", 3", 40},
	{"ReplyRenew", "30, " + begunReply + ", 0", 40},
	{"ReplyPersist", "'so far', " + begunReply + ", 0", 40},
	{"ReplyEnd", "'complete', 'all', null::jsonb, null::text, '', " + begunReply + ", 0", 40},
	{"MailClaim", "30, " + waitingMail + ", 3", 40},
	{"MailSent", begunMail + ", 0", 40},
}

// TestPlans_waitingTasksCostNothing lets much come at once after a time in which nothing waited, which is when the planner last
// counted: it takes an index of what waits for empty then, and would rather read all of it than go by a key.
func TestPlans_waitingTasksCostNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.grow(t, 0, 1000)
	d.exec(t, suddenSQL)
	queries := queriesByName(t)
	for _, step := range steps {
		require.Contains(t, queries, step.query)
		d.exec(t, "begin")
		blocks, _ := d.worst(t, queries[step.query], step.args)
		d.exec(t, "rollback")
		require.LessOrEqual(t, blocks, step.blocks, "blocks that %s touches while 10,000 wait", step.query)
	}
}
