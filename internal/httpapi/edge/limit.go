package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Limiter counts requests. It must be safe for concurrent use and answer quickly, or fail.
type Limiter interface {
	// Allow takes one request of a class (x-rate-limit in the spec) off the budgets of its subject and answers the
	// tightest of them. Any error means that the budgets are unknown, and refuses the request.
	Allow(ctx context.Context, class string, subject Subject) (Quota, error)
}

// Subject is what a request is counted for. Each member that is not empty has a budget of its own.
type Subject struct {
	Address string // the client's network address
	Account string // the id of the signed-in account, or else the e-mail address in the body, in any case
}

// Quota says what is left of a budget.
type Quota struct {
	Allowed    bool
	Limit      int           // requests in a window
	Remaining  int           // of them, at once
	Reset      time.Duration // until the whole budget is back
	RetryAfter time.Duration // until the next request is allowed; only where this one was not
}

var errRateLimited = apperr.New(apperr.RateLimited, apperr.CodeRateLimited, "Too many requests. Please wait a little.")

// limit refuses requests that come too often. It fails closed: an attacker who brings the limiter down must not get free
// guesses.
func (e *Edge) limit(ctx context.Context, h http.Header, op *operation, c *call, body any) error {
	if e.cfg.Limiter == nil {
		return nil
	}
	quota, err := e.cfg.Limiter.Allow(ctx, op.rateClass, Subject{Address: c.client.IP, Account: subjectAccount(c, body)})
	if err != nil {
		unavailable := apperr.ErrUnavailable.WithRetryAfter(limiterRetryAfter)
		if own, ok := errors.AsType[*apperr.Error](err); ok && own.RetryAfter > 0 {
			unavailable = unavailable.WithRetryAfter(own.RetryAfter)
		}
		return unavailable.With(fmt.Errorf("count request: %w", err))
	}
	// The names as http.Header has them, which Set would have to make of ours each time, and one array for all values.
	values := &[...]string{strconv.Itoa(quota.Limit), strconv.Itoa(max(quota.Remaining, 0)), seconds(quota.Reset)}
	h["Ratelimit-Limit"], h["Ratelimit-Remaining"], h["Ratelimit-Reset"] = values[0:1:1], values[1:2:2], values[2:3:3]
	if !quota.Allowed {
		return errRateLimited.WithRetryAfter(quota.RetryAfter)
	}
	return nil
}

// limiterRetryAfter is what clients are told while requests can't be counted.
const limiterRetryAfter = 2 * time.Second

// subjectAccount returns the account that the request is about. The body has been validated, so that an e-mail in it is one.
func subjectAccount(c *call, body any) string {
	if c.principal != nil {
		return c.user
	}
	if members, ok := body.(map[string]any); ok {
		email, _ := members["email"].(string)
		return email
	}
	return ""
}
