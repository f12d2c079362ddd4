package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// longQuestion makes the built-in provider list every platform, which takes it about two seconds.
const longQuestion = "Which platforms and sizes are there?"

// ask begins a chat with a question and returns the reply to come.
func (c creator) ask(t *testing.T, api *process, question string) client.Message {
	t.Helper()
	begun, err := c.at(api).NewChatWithResponse(t.Context(), client.ChatCreate{})
	require.NoError(t, err)
	require.NotNil(t, begun.JSON201, string(begun.Body))
	sent, err := c.at(api).SendMessageWithResponse(t.Context(), begun.JSON201.ChatID, nil, client.MessageCreate{Content: question})
	require.NoError(t, err)
	require.NotNil(t, sent.JSON201, string(sent.Body))
	return sent.JSON201.Reply.MustGet()
}

// reply reads a reply through the API.
func (c creator) reply(t *testing.T, api *process, of client.Message) client.Message {
	t.Helper()
	list, err := c.at(api).ListMessagesWithResponse(t.Context(), of.ChatID, nil)
	require.NoError(t, err)
	require.NotNil(t, list.JSON200, string(list.Body))
	require.Equal(t, of.ID, list.JSON200.Items[of.Seq-1].ID)
	return list.JSON200.Items[of.Seq-1]
}

// watched is what a client was shown of a reply, step by step.
type watched struct {
	texts  []string
	status client.MessageStatus
	err    error
}

// watch follows a chat as a client does, until the reply has ended, and sends each text to shown.
func (c creator) watch(ctx context.Context, api *process, of client.Message, shown chan<- string) (w watched) {
	res, err := c.at(api).StreamChatEvents(ctx, of.ChatID, nil)
	if err != nil {
		return watched{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	text, name := "", ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			name = value
			continue
		case field != "data":
			continue
		case name == "delta":
			var d client.MessageDelta
			w.err = json.Unmarshal([]byte(value), &d)
			text += d.Text
		default:
			var m client.Message
			w.err = json.Unmarshal([]byte(value), &m)
			if m.ID != of.ID {
				continue
			}
			text, w.status = m.Content, m.Status
		}
		if w.err != nil {
			return w
		}
		w.texts = append(w.texts, text)
		select {
		case shown <- text:
		default:
		}
		if w.status == client.MessageStatusComplete || w.status == client.MessageStatusFailed {
			return w
		}
	}
	return w
}

// When a worker is killed in the middle of a reply, another worker writes the reply after the lease has expired, and a client
// that was reading is shown one coherent text.
func TestReply_outlivesAKilledWorker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t, shortLease)
	ada := f.creator(t, api, 0)
	reply := ada.ask(t, api, longQuestion)
	shown, done := make(chan string, 1000), make(chan watched, 1)
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	go func() { done <- ada.watch(ctx, api, reply, shown) }()
	for text := ""; len(text) < 40; {
		text = <-shown
	}
	worker.kill()
	killed := time.Now()
	f.worker(t, shortLease)
	saw := <-done
	require.NoError(t, saw.err)
	t.Logf("complete %s after the kill", time.Since(killed))
	row := ada.reply(t, api, reply)
	require.Equal(t, client.MessageStatusComplete, row.Status)
	require.Equal(t, row.Content, saw.texts[len(saw.texts)-1])
	restarts := 0
	for i, text := range saw.texts {
		require.True(t, strings.HasPrefix(row.Content, text), "%q is no beginning of %q", text, row.Content)
		if i > 0 && len(text) < len(saw.texts[i-1]) {
			restarts++
		}
	}
	require.Equal(t, 1, restarts, "the text was begun again once")
	require.Equal(t, 2, f.count(t, "select attempt from messages where id = $1", reply.ID))
}

// A worker that is stopped and has no time left gives the reply back; another worker writes it, and the attempt does not count.
func TestReply_isGivenBackByAStoppedWorker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t, "DRAIN_TIMEOUT=10ms")
	ada := f.creator(t, api, 0)
	reply := ada.ask(t, api, longQuestion)
	eventuallyf(t, func() bool { return ada.reply(t, api, reply).Content != "" }, "the first words")
	t.Logf("stopped after %s", worker.stop(t, syscall.SIGTERM))
	require.Equal(t, client.MessageStatusPending, ada.reply(t, api, reply).Status)
	f.worker(t)
	eventuallyf(t, func() bool { return ada.reply(t, api, reply).Status == client.MessageStatusComplete }, "another worker")
	require.Equal(t, 1, f.count(t, "select attempt from messages where id = $1", reply.ID))
}

// Redis is emptied while replies wait and are written. Each reply is written nevertheless.
func TestReply_outlivesFlushall(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t, "CHAT_USER_REPLIES=10")
	ada := f.creator(t, api, 0)
	var replies []client.Message
	for range 6 {
		replies = append(replies, ada.ask(t, api, longQuestion))
	}
	f.worker(t, "WORKER_REPLY_SLOTS=2")
	eventuallyf(t, func() bool { return ada.reply(t, api, replies[0]).Content != "" }, "the first words")
	f.command(t, "FLUSHALL")
	for _, reply := range replies {
		eventuallyf(t, func() bool { return ada.reply(t, api, reply).Status == client.MessageStatusComplete }, "reply %s", reply.ID)
	}
}

// Many chats, each with a reader and a reply that is being written, on one API and one worker process: no character is lost,
// doubled or in the wrong order. REPLIES says how many (100).
func TestReply_manyAtOnce(t *testing.T) {
	t.Parallel()
	n := 100
	if text := os.Getenv("REPLIES"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	f := setup(t)
	many := strconv.Itoa(n)
	api := f.api(t, "CHAT_USER_REPLIES="+many, "API_USER_STREAMS="+many)
	ada := f.creator(t, api, 0)
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()

	replies, saw := make([]client.Message, n), make([]watched, n)
	opened := make(chan string, n)
	var reading sync.WaitGroup
	for i := range replies {
		replies[i] = ada.ask(t, api, longQuestion)
		shown := make(chan string, 1)
		reading.Go(func() { saw[i] = ada.watch(ctx, api, replies[i], shown) })
		go func() { opened <- <-shown }()
	}
	for range replies { // every reader is connected before the worker starts
		select {
		case <-opened:
		case <-ctx.Done():
			require.Fail(t, "a reader was not connected")
		}
	}
	before := api.memory(t)
	worker := f.worker(t, "WORKER_REPLY_SLOTS="+many)
	begun := time.Now()
	reading.Wait()
	took := time.Since(begun)

	want, deltas := "", 0
	for i, w := range saw {
		require.NoError(t, w.err)
		require.Equal(t, client.MessageStatusComplete, w.status)
		for k := 1; k < len(w.texts); k++ {
			require.True(t, strings.HasPrefix(w.texts[k], w.texts[k-1]), "reader %d: %q after %q", i, w.texts[k], w.texts[k-1])
		}
		last := w.texts[len(w.texts)-1]
		if want == "" {
			want = ada.reply(t, api, replies[i]).Content
			require.NotEmpty(t, want)
		}
		require.Equal(t, want, last, "reader %d", i)
		deltas += len(w.texts)
	}
	require.Equal(t, n, f.count(t, "select count(*) from messages where sender = 'ai' and status = 'complete' and attempt = 1 and content = $1", want))
	t.Logf("%d replies of %d bytes in %s, %d updates; API %s (%s with idle readers), worker %s",
		n, len(want), took, deltas, api.memory(t), before, worker.memory(t))
}

// memory returns the resident memory of a process.
func (p *process) memory(t *testing.T) string {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(p.cmd.Process.Pid)
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return "unknown" // not on Linux
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
