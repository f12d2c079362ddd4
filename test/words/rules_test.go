package words_test

import (
	"regexp"
	"strings"
)

// rule retires a word in one sense.
type rule struct {
	retired, standard string
	// names finds the word in a declared name, which is matched in lower case with a space between its words:
	// callProviderJobs is "call provider jobs".
	names *regexp.Regexp
	// prose finds it in comments of Go and SQL, in Markdown and in TypeScript; nil: the word is good English there.
	prose *regexp.Regexp
	// under are the path prefixes within which the word is retired; nil: everywhere.
	under []string
}

// Where words were retired in one sense only.
var (
	product  = []string{"internal/", "cmd/"}
	queuing  = []string{"internal/jobs/", "internal/outbox/", "internal/worker/", "sql/job", "sql/mails", "sql/chat"}
	leasing  = append([]string{"internal/chat/"}, queuing...)
	drawing  = []string{"internal/jobs/", "sql/job"}
	ledger   = []string{"internal/app/", "internal/credits/", "internal/ops/", "cmd/"}
	moderate = []string{"internal/", "test/kit/", "test/fakes/", "test/conformance/"}
	channels = []string{"internal/platform/events/"}
	breakers = []string{"internal/app/", "internal/auth/", "internal/httpapi/", "internal/ops/", "internal/providers/breaker/"}
	fixtures = []string{"internal/", "migrations/", "test/api/", "test/browser/", "test/chaos/", "test/load/", "test/process/"}
)

// rules are the left and the right column of docs/glossary.md.
func rules() []rule {
	return []rule{
		everywhere("verdict", "retry decision (of an attempt), decision (of moderation)", `verdicts?`),
		everywhere("patience", "timeout, idleTimeout, maxWait or overlapAfter", `patience`),
		everywhere("overtaken", "raced", `overtaken`),
		everywhere("hasty", "async_commit", `hasty`),
		everywhere("misery, deeds", "fault injector, faults", `misery|deeds?`),
		everywhere("hangups", "disconnect watcher", `hangups?`),
		{retired: "newcomer", standard: "enqueuedJob", names: word(`newcomers?`), prose: word(`newcomers?`), under: leasing},
		names(nil, "whoever, somebody, anybody, nobody", "who it is: worker, caller, client, creator, operator", `whoever|somebody|anybody|nobody`),
		names(nil, "rouse, heed", "schedule, handle", `rouses?|heeds?`),
		names(nil, "hurry", "shortenDeadline", `hurry`),
		names(nil, "quietConn", "errorSwallowingConn", `quiet conn`),
		names(nil, "giveRoom, roomyHeap", "setMinHeap", `give room|roomy heap`),
		names(product, "company", "batch size", `company`),
		names([]string{"internal/app/", "cmd/", "test/"}, "Outside, FromWorld", "Dependencies", `^outside$|from world`),
		names(product, "trail", "trace context", `trail`),
		names(product, "note", "record, audit", `notes?|noted`),
		names(product, "fence", "fencing token, suggestion extractor, prompt quoting", `fences?|fenced`),
		names(breakers, "guard", "breaker, CSRF check, admin host check", `guards?|guarded`),
		names(ledger, "books, broken", "ledger check, violations", `books?|^broken$`),
		names([]string{"internal/app/", "internal/auth/", "internal/credits/", "internal/jobs/"}, "moved", "balance observer", `^moved$`),
		names(product, "hear", "Handler.Handle", `^hears?$`),
		names(channels, "told", "notified", `^told$`),
		names(moderate, "judge", "error classifier, moderator", `judges?`),
		names([]string{"internal/jobs/", "internal/safety/"}, "wish", "DrawRequest", `wish|wishes`),
		names(drawing, "order of a job", "JobRequest", `^order$`),
		names(channels, "orders, line", "control messages, channel", `orders|lines?`),
		names(drawing, "line", "wait list", `lines?`),
		names(leasing, "place", "concurrency slot", `places?`),
		names([]string{"internal/jobs/", "internal/worker/", "sql/job"}, "turn", "generation", `turns?`),
		names(queuing, "call of a job", "wake", `^calls? (account|provider|job|next|waiting)|job calls? (account|provider)`),
		names(leasing, "held, hold", "throttled, parked, leased; park, keepLease", `held|holds?`),
		names(queuing, "freed, tell", "capacityFreed, enqueue", `^freed$|tells?`),
		names([]string{"internal/providers/breaker/"}, "rest, resting", "open", `rests?|resting`),
		names([]string{"sql/"}, "mark, drawn, taken", "what it holds: project_status, pictures, slot_taken", `^(mark|drawn|taken)$`),
		names(fixtures, "world, bundle, bench, house", "fixture", `^(new )?(world|bundle|test bundle|bench|house)$`),
	}
}

// everywhere retires a word in all senses, in names and in prose.
func everywhere(retired, standard, pattern string) rule {
	return rule{retired: retired, standard: standard, names: word(pattern), prose: word(pattern)}
}

// names retires a word in the names declared below some paths.
func names(under []string, retired, standard, pattern string) rule {
	return rule{retired: retired, standard: standard, names: word(pattern), under: under}
}

// word makes an expression for whole words in either case. An underscore is part of a word, so that names of tables,
// environment variables and metrics, which stay, are no words.
func word(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|\b)(?:` + pattern + `)\b`)
}

// applies tells whether a word is retired in a file.
func (r rule) applies(path string) bool {
	for _, prefix := range r.under {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return r.under == nil
}
