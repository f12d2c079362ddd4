package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// shards is the number of parallel tests, each with an application of its own and with the same requests for the same seed.
const shards = 4

// domainRules lists the only reasons for which a request that fits the schema may be refused as validation_failed. The spec
// describes each of them.
var domainRules = []struct{ operation, field, code string }{
	{"signUp|resetPassword|changePassword", `/confirm_password`, "mismatch"},
	{"signUp|resetPassword|changePassword", `/(new_)?password`, "too_common|contains_email|contains_username|contains_product"},
	{"signUp|updateMe", `/full_name`, "required|invalid_characters"}, // nothing visible, or controls, in other alphabets
	{"newChat|updateChat", `/session_name`, "required|invalid_characters"},
	{"sendMessage", `/content`, "required|invalid_characters"},
	{"signUp|updateMe", `/dob`, "too_young|too_old"},
	{"signUp|updateMe", `/profile_photo_asset_id`, "not_found"},
	{"createProject|updateProject", `/prompt/headline`, "pattern"}, // nothing visible, in other alphabets
	{"createProject|updateProject", `/prompt/copy_target_asset_id`, "required"},
	{"createProject|updateProject", `/prompt/(ref_asset_ids/\d|(selfie|copy_target)_asset_id)`, "not_found"},
	{"updateProject", "If-Match", "format"},
	{"newChat|updateChat", `/project_id`, "not_found"},
	{"queueProject", `/consent`, "required"},
	{"queueProject", `/consent/accepted_at`, "in_future|too_old"},
	{"changePassword", `/new_password`, "unchanged"},
	{"disableSecondFactor|verifySecondFactor", `/code`, "one_of"},
}

// TestFuzz_answersFitTheSpec checks every operation: no 5xx; no status, content type or body outside the spec; no invalid request is
// accepted; no valid request is refused as malformed, apart from domainRules; no forged cursor is taken; and a body that stalls
// or breaks off, or whose client closes its half behind it, is answered as what it is. FUZZ_CASES is the number of requests (2,000),
// FUZZ_SEED repeats a run.
func TestFuzz_answersFitTheSpec(t *testing.T) {
	t.Parallel()
	cases, seed := number(t, "FUZZ_CASES", 2000), uint64(number(t, "FUZZ_SEED", int(rand.Uint32())))
	t.Logf("FUZZ_SEED=%d FUZZ_CASES=%d", seed, cases)
	for shard := range shards {
		t.Run(strconv.Itoa(shard), func(t *testing.T) {
			t.Parallel()
			f := newFuzzer(t, rand.New(rand.NewPCG(seed, uint64(shard))))
			for i := range cases / shards {
				f.step(strconv.Itoa(i))
			}
			t.Log(f.tally())
		})
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

type fuzzer struct {
	*maker

	t        *testing.T
	app      *apptest.App
	slow     *apptest.App // the same, by a server that does not wait for a body that stalls
	ops      []*operation
	account  *apptest.Account
	reporter *reporter
	counts   map[string]map[int]int // of answers, by operation and status
}

// reporter is a testing.TB that adds the last request to the errors of the check against the spec.
type reporter struct {
	testing.TB

	last atomic.Pointer[string]
}

func (w *reporter) Errorf(format string, args ...any) {
	w.TB.Errorf("%s\n%s", fmt.Sprintf(format, args...), *w.last.Load())
}

func newFuzzer(t *testing.T, r *rand.Rand) *fuzzer {
	t.Helper()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	w := &reporter{TB: t}
	w.last.Store(new("before the first request"))
	f := &fuzzer{
		t: t, ops: operations(doc), maker: &maker{Rand: r, known: map[string][]string{}}, counts: map[string]map[int]int{},
		reporter: w, app: apptest.New(w, apptest.With("RATE_LIMIT_FACTOR", "10000"), apptest.With("AUTH_MAX_FAILURES", "1000000"),
			apptest.With("AUTH_ADDRESS_MAX_FAILURES", "1000000"),
			apptest.With("CHAT_USER_REPLIES", "1000")),
	}
	f.slow = apptest.New(w, apptest.Beside(f.app), apptest.WithBounds(func(s *http.Server) { s.ReadTimeout = slowest }))
	f.signUp()
	return f
}

// signUp makes an account with pictures, projects, jobs and chats, and another one with its own. It remembers their ids and
// secrets, so that generated requests use them.
func (f *fuzzer) signUp() {
	f.account = f.app.SignUp(f.t)
	f.app.Grant(f.t, f.account.Email, 100_000)
	stranger := f.app.SignUp(f.t)
	f.app.Grant(f.t, stranger.Email, 10)
	user := f.account.Session.User
	f.known = map[string][]string{
		"email": {f.account.Email, stranger.Email, "stranger@example.com"}, "username": {user.Username},
		"Idempotency-Key": {"once", "twice"}, "If-Match": {`"1"`, `"2"`, "*"}, "Last-Event-ID": {"1", "2"},
		"session_id": {f.account.Session.SessionID.String()}, "refresh_token": {*f.account.Session.RefreshToken},
		"mugshot_refresh": {*f.account.Session.RefreshToken},
	}
	for _, name := range []string{"password", "current_password", "new_password", "confirm_password"} {
		f.known[name] = []string{apptest.Password, "another-" + apptest.Password}
	}
	for _, kind := range []client.AssetType{
		client.AssetTypeRef, client.AssetTypeSelfie, client.AssetTypeCopyTarget, client.AssetTypeProfilePhoto,
	} {
		id := f.app.Picture(f.t, f.account, kind)
		f.remember(string(kind)+"_asset_id", id.String())
		f.remember("ref_asset_ids", id.String())
		f.remember("asset_id", id.String())
	}
	for _, who := range []*apptest.Account{stranger, f.account} {
		for range 3 {
			created, err := who.CreateProjectWithResponse(f.t.Context(), nil, client.ProjectCreate{
				Mode: client.ProjectModeDesign, Platform: client.PlatformIDX, Prompt: client.Prompt{Headline: "x"},
			})
			require.NoError(f.t, err)
			require.NotNil(f.t, created.JSON201, "%s", created.Body)
			f.remember("project_id", created.JSON201.ID.String())
			queued, err := who.QueueProjectWithResponse(f.t.Context(), created.JSON201.ID, nil,
				client.QueueRequest{Quality: client.QualityDraft, Variants: 1})
			require.NoError(f.t, err)
			require.NotNil(f.t, queued.JSON201, "%s", queued.Body)
			f.remember("job_id", queued.JSON201.JobID.String())
			f.talk(who)
		}
	}
}

// talk begins a chat with a question, and remembers the ids of the chat and of the reply, which is never written.
func (f *fuzzer) talk(who *apptest.Account) {
	begun, err := who.NewChatWithResponse(f.t.Context(), client.ChatCreate{})
	require.NoError(f.t, err)
	require.NotNil(f.t, begun.JSON201, "%s", begun.Body)
	f.remember("chat_id", begun.JSON201.ChatID.String())
	sent, err := who.SendMessageWithResponse(f.t.Context(), begun.JSON201.ChatID, nil, client.MessageCreate{Content: "x"})
	require.NoError(f.t, err)
	require.NotNil(f.t, sent.JSON201, "%s", sent.Body)
	f.remember("message_id", sent.JSON201.Reply.MustGet().ID.String())
}

// remember keeps the latest few values of a name.
func (f *fuzzer) remember(name, value string) {
	f.known[name] = append(f.known[name], value)
	f.known[name] = f.known[name][max(0, len(f.known[name])-12):]
}

// step makes one request and checks the answer.
func (f *fuzzer) step(id string) {
	c, body := f.fittingCall(f.ops[f.IntN(len(f.ops))], id)
	switch dice := f.IntN(100); {
	case dice >= 97 && len(c.body) > 0:
		f.stepRaw(c)
		return
	case dice >= 90 && f.forge(c):
	case dice < 50:
		f.damage(c, body)
	case dice < 55 && bytes.Contains(c.body, []byte(`":"`)):
		c.odd = true
		c.body = bytes.Replace(c.body, []byte(`":"`), []byte(`":"\ud800`), 1) // half of a surrogate pair
	}
	known := f.authorize(c)
	status, answer := f.send(c)
	if status == http.StatusUnauthorized && known && c.op.secured {
		// An earlier request may have ended the session or deleted the account.
		f.signUp()
		known = f.authorize(c) || known
		c.header.Set("Authorization", "Bearer "+f.account.Session.SessionToken)
		status, answer = f.send(c)
	}
	for _, complaint := range f.check(c, known, status, answer) {
		f.t.Errorf("%s\n%v\nanswered %d %s", complaint, c, status, answer)
	}
}

// authorize sets a token, or something like one, and tells whether it is valid.
func (f *fuzzer) authorize(c *call) bool {
	switch dice := f.IntN(100); {
	case dice < 85:
		c.header.Set("Authorization", "Bearer "+f.account.Session.SessionToken)
		return true
	case dice < 92:
		c.header.Set("Authorization", oneText(f.Rand, "Bearer", "Bearer x", "Basic eDp4", "Bearer "+f.account.Session.SessionToken+"x", "x"))
	}
	return false
}

func oneText(r *rand.Rand, texts ...string) string { return texts[r.IntN(len(texts))] }

func (f *fuzzer) send(c *call) (status int, answer []byte) {
	f.t.Helper()
	f.reporter.last.Store(new(c.String()))
	r, err := c.request(f.app.URL + apptest.BasePath)
	require.NoError(f.t, err)
	res, err := f.app.HTTP.Do(r)
	require.NoError(f.t, err, "%v", c)
	defer func() { _ = res.Body.Close() }()
	if res.Header.Get("Content-Type") != "text/event-stream" { // which might not end
		answer, err = io.ReadAll(res.Body)
		require.NoError(f.t, err, "%v", c)
	}
	if f.counts[c.op.OperationID] == nil {
		f.counts[c.op.OperationID] = map[int]int{}
	}
	f.counts[c.op.OperationID][res.StatusCode]++
	f.learn(answer)
	return res.StatusCode, answer
}

// learn remembers values of an answer for later requests.
func (f *fuzzer) learn(answer []byte) {
	var members map[string]any
	if json.Unmarshal(answer, &members) != nil {
		return
	}
	for member, name := range map[string]string{
		"next_cursor": "cursor", "job_id": "job_id", "refresh_token": "refresh_token", "asset_id": "asset_id", "challenge": "challenge", "chat_id": "chat_id",
	} {
		if text, ok := members[member].(string); ok {
			f.remember(name, text)
		}
	}
	if _, project := members["platform"]; project {
		f.remember("project_id", members["id"].(string))
	}
}

// check returns what is wrong with an answer, beyond what the check against the spec finds.
func (f *fuzzer) check(c *call, known bool, status int, answer []byte) (complaints []string) {
	code := codeOf(answer)
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	refusals := []client.ErrorCode{
		client.ErrorCodeMalformedJSON, client.ErrorCodeValidationFailed, client.ErrorCodePayloadTooLarge, client.ErrorCodeUnsupportedMediaType,
	}
	otherPath := strings.HasPrefix(c.broken, "path ") && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed)
	switch {
	case otherPath:
	case status >= http.StatusInternalServerError:
		complain("an internal error")
	case c.op.Responses.Status(status) == nil:
		complain("a status outside the spec")
	case c.op.secured && !known:
		if code != client.ErrorCodeUnauthenticated {
			complain("answered to a stranger")
		}
	case c.op.secured && code == client.ErrorCodeUnauthenticated:
		complain("a valid token was refused")
	case c.odd:
	case c.forged && status < http.StatusBadRequest:
		complain("took a forged cursor")
	case c.broken != "":
		if !slices.Contains(refusals, code) {
			complain("accepted what is broken")
		}
	case code == client.ErrorCodeValidationFailed:
		for _, field := range envelopeOf(answer).Error.Details.Fields {
			if !isDomainRule(c.op.OperationID, field) {
				complain("refused what fits: %s %s", field.Field, field.Code)
			}
		}
	case slices.Contains(refusals, code):
		complain("refused what fits")
	}
	return complaints
}

// envelopeOf reads the envelope of an error; the check against the spec finds an answer that is none.
func envelopeOf(answer []byte) (envelope client.ErrorEnvelope) {
	_ = json.Unmarshal(answer, &envelope)
	return envelope
}

func codeOf(answer []byte) client.ErrorCode { return envelopeOf(answer).Error.Code }

func isDomainRule(operation string, field client.FieldError) bool {
	for _, rule := range domainRules {
		if whole(rule.operation, operation) && whole(rule.field, field.Field) && whole(rule.code, field.Code) {
			return true
		}
	}
	return false
}

func whole(pattern, text string) bool {
	return regexp.MustCompile("^(" + pattern + ")$").MatchString(text)
}

// tally lists how often each operation answered with each status.
func (f *fuzzer) tally() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(f.counts)) {
		fmt.Fprintf(&b, "\n%-22s", id)
		for _, status := range slices.Sorted(maps.Keys(f.counts[id])) {
			fmt.Fprintf(&b, " %d: %-5d", status, f.counts[id][status])
		}
	}
	return b.String()
}
