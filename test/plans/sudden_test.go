package plans_test

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed sudden.sql
var suddenSQL string

// id makes an id for a list of one.
const id = "array[gen_random_uuid()]"

// Ids of one job, reply and mail in the middle of those that wait, and of one reply and mail that are running.
const (
	waitingJob   = "'c0001000-0007-7000-8000-000000000000'"
	waitingReply = "'c0001000-000a-7000-8000-000000000000'"
	waitingMail  = "'c0001000-000c-7000-8000-000000000000'"
	begunReply   = "'c0019bb0-000a-7000-8000-000000000000'"
	begunMail    = "'c0019bb0-000c-7000-8000-000000000000'"
)

// steps lists the statements of each task's life, with arguments as a worker or the API has them. blocks bounds the blocks of
// 8 kB that a statement touches, however many other tasks wait.
var steps = []struct {
	query, args string
	blocks      int64
}{
	{"JobQueue", id + ", " + id + ", array[" + project + "]::uuid[], array[" + account + "]::uuid[], " +
		"'{1}', '{1}', '{local}', '{local}', '{std}', '{1}', '{1280}', '{720}', '{1}', array[''], array['r'], array[''], 2", 150},
	{"JobPark", waitingJob, 40},
	{"JobClaim", "array[" + waitingJob + "]::uuid[], 16, 30, 3", 150},
	{"JobBeginVariant", "array[" + waitingJob + "]::uuid[], '{1}', '{1}'", 40},
	{"JobRenew", "30, " + waitingJob + ", 1", 40},
	{"JobAdvance", "'generating', 10, " + waitingJob + ", 1", 40},
	{"JobSucceed", "array[" + waitingJob + "]::uuid[], '{1}', array['{}'], array[gen_random_uuid()], array['{}'], array[" + waitingJob +
		"]::uuid[], " + id + ", " + id + ", '{1}', '{p}', '{image/png}', '{2}', '{16}', '{9}', array[md5('p')]", 40},
	{"JobRetry", "null, 'why', true, 0, " + waitingJob + ", 1, null::uuid, null::jsonb", 40},
	{"JobEnd", "'canceled', null, 'why', null, " + waitingJob + ", null::uuid, null::bigint, 3, 0, gen_random_uuid(), null::uuid, null::jsonb", 150},
	{"JobMarkDue", "500, null, 15, 3", 40}, // all were pushed just now: none is due to be pushed again
	{"JobWakeByProvider", "true, 1, 'local', 16", 150},
	{"MessageSendTogether", "array[gen_random_uuid(), gen_random_uuid()], array[" + chat + ", " + chat + "]::uuid[], array[" + account + ", " +
		account + "]::uuid[], '{Louder!,Bolder!}'", 40},
	{"ReplyClaim", "30, " + waitingReply + ", 3", 40},
	{"ReplyRenew", "30, " + begunReply + ", 0", 40},
	{"ReplyPersist", "'so far', " + begunReply + ", 0", 40},
	{"ReplyEnd", "'complete', 'all', null::jsonb, null::text, '', " + begunReply + ", 0", 40},
	{"MailClaim", "30, " + waitingMail + ", 3", 40},
	{"MailSent", begunMail + ", 0", 40},
}

// TestPlans_waitingTasksCostNothing lets 10,000 tasks arrive after an analyze of empty queues. The planner then believes the
// indexes of waiting tasks to be empty, and would rather scan one of them than use a key.
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
