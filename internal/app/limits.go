package app

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// budget is how many requests a subject has in a period; 0: it is not counted. One that is local is counted by each process
// for itself: it holds back floods, and needs neither a round trip nor a Redis that answers (ADR 0068).
type budget struct {
	address, account int
	// accountFrom is what one address may ask for one account. Where a stranger can name any account, the account itself must
	// not have a budget that the stranger uses up and the owner then lacks.
	accountFrom int
	period      time.Duration
	local       bool
}

// budgets are the limits of the classes that the spec names in x-rate-limit: enough for a household behind one address,
// and too little to try a list of stolen passwords.
func budgets() map[string]budget {
	return map[string]budget{
		"auth_probe":    {address: 60, account: 20, period: time.Minute},
		"auth_signup":   {address: 20, account: 20, accountFrom: 5, period: time.Hour},
		"auth_code":     {address: 60, account: 60, accountFrom: 20, period: 10 * time.Minute},
		"auth_mail":     {address: 30, accountFrom: 5, period: time.Hour},
		"auth_reset":    {address: 60, accountFrom: 5, period: time.Hour},
		"auth_password": {address: 60, account: 20, period: time.Minute},
		"auth_refresh":  {address: 240, period: time.Minute},
		"account":       {account: 30, period: time.Minute},
		"upload":        {account: 120, period: time.Minute},
		"upload_public": {address: 10, period: time.Hour},
		"queue":         {account: 120, period: time.Minute},
		"chat":          {account: 60, period: time.Minute},
		"message":       {account: 60, period: time.Minute},
		"default":       {account: 600, period: time.Minute, local: true},
		"public":        {address: 600, period: time.Minute, local: true},
		"stream":        {account: 240, period: time.Minute, local: true},
	}
}

// scaled is requests in a period times RATE_LIMIT_FACTOR: no more than one a microsecond, which is as good as no limit and the most
// that can be counted.
func scaled(requests int, period time.Duration, factor float64) int {
	return max(1, int(min(float64(requests)*factor, float64(period.Microseconds()))))
}

// limiter is the edge's Limiter, on counters in Redis and, for budgets that are local, in the process.
type limiter struct {
	counters *ratelimit.Counters
	local    *ratelimit.Local
	factor   float64 // RATE_LIMIT_FACTOR
	budgets  map[string]budget
}

// Allow implements edge.Limiter. It fails for a class that has no budget, which a test rules out.
func (l limiter) Allow(ctx context.Context, class string, subject edge.Subject) (edge.Quota, error) {
	b, ok := l.budgets[class]
	if !ok {
		return edge.Quota{}, fmt.Errorf("no budget for rate-limit class %q", class)
	}
	if address, err := mailaddress.Normalize(subject.Account); err == nil { // an account has one spelling, and one budget
		subject.Account = address
	}
	limits := make([]ratelimit.Limit, 0, 3) // one for each kind of subject
	add := func(requests int, s ratelimit.Subject) {
		limits = append(limits, ratelimit.Limit{
			Class: class, Subject: s, Requests: scaled(requests, b.period, l.factor), Period: b.period,
		})
	}
	if b.address > 0 && subject.Address != "" {
		add(b.address, ratelimit.Address(subject.Address))
	}
	if b.account > 0 && subject.Account != "" {
		add(b.account, ratelimit.Account(subject.Account))
	}
	if b.accountFrom > 0 && subject.Account != "" {
		add(b.accountFrom, ratelimit.AccountFrom(subject.Account, subject.Address))
	}
	var result ratelimit.Result
	var err error
	if b.local {
		result, err = l.local.Allow(limits...)
	} else {
		result, err = l.counters.Allow(ctx, limits...)
	}
	if err != nil {
		return edge.Quota{}, fmt.Errorf("count request: %w", err)
	}
	return edge.Quota{
		Allowed: result.Allowed, Limit: result.Limit, Remaining: result.Remaining, Reset: result.Reset,
		RetryAfter: result.RetryAfter,
	}, nil
}
