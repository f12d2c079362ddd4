package fal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// accepted is the queue's answer to a request that it has taken.
type accepted struct {
	RequestID   string `json:"request_id"`
	StatusURL   string `json:"status_url"`
	ResponseURL string `json:"response_url"`
	CancelURL   string `json:"cancel_url"`
}

// lookup is how a request is doing. COMPLETED says only that it has ended.
type lookup struct {
	Status    string `json:"status"`
	Error     string `json:"error"`
	ErrorType string `json:"error_type"`
}

// drawn is a model's output.
type drawn struct {
	Images []struct {
		URL string `json:"url"`
	} `json:"images"`
	NSFW []bool `json:"has_nsfw_concepts"`
}

const (
	firstLook  = 250 * time.Millisecond
	lastLook   = 2 * time.Second
	slowdown   = 1.5
	tries      = 4                // of a question that costs nothing
	submitTime = 45 * time.Second // the queue answers at once; our own limiter may delay it by 20 s
	cancelTime = 3 * time.Second
	// keepResults is how long fal keeps what it has drawn, in seconds: we fetch it at once.
	keepResults = 3600
)

// submit puts a request into the queue. The queue knows no idempotency key, so a submission that was sent and never
// answered may be drawn and billed: it ends as Permanent, which gives the creator the credits back and leaves it to
// a person to pay twice. An answer that refuses is not ambiguous.
func (p *Provider) submit(ctx context.Context, r request) (accepted, error) {
	var out accepted
	body, err := json.Marshal(r.input)
	if err != nil {
		return out, fmt.Errorf("fal: encode request: %w", err)
	}
	var sent atomic.Bool
	sending, cancel := context.WithTimeout(ctx, submitTime)
	defer cancel()
	traced := httptrace.WithClientTrace(sending, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	header := http.Header{
		"Content-Type":                      {"application/json"},
		"X-Fal-Object-Lifecycle-Preference": {fmt.Sprintf(`{"expiration_duration_seconds":%d}`, keepResults)},
	}
	if deadline, ok := ctx.Deadline(); ok { // fal need not begin later: the worker waits no longer
		header.Set("X-Fal-Request-Timeout", strconv.Itoa(max(2, int(math.Ceil(deadline.Sub(p.cfg.Now()).Seconds())))))
	}
	err = p.call(traced, http.MethodPost, p.cfg.BaseURL+"/"+r.endpoint, header, body, &out)
	if err != nil {
		if _, refused := errors.AsType[*refusal](err); !refused && sent.Load() {
			return out, broken("submit_unconfirmed", errors.New("sent, and not confirmed"))
		}
		return out, p.tell(ctx, err)
	}
	for _, u := range []string{out.StatusURL, out.ResponseURL, out.CancelURL} {
		if !p.base.owns(u) {
			return out, broken("foreign_url", errors.New("the queue names an address that is not its own"))
		}
	}
	if !plainID.MatchString(out.RequestID) {
		out.RequestID = ""
	}
	return out, nil
}

// follow looks at a request, less and less often, until it has ended.
func (p *Provider) follow(ctx context.Context, a accepted) error {
	for pause := firstLook; ; pause = min(time.Duration(float64(pause)*slowdown), lastLook) {
		if err := p.cfg.Wait(ctx, pause); err != nil {
			return err
		}
		var now lookup
		if err := p.ask(ctx, a.StatusURL, &now); err != nil {
			return err
		}
		if now.Status != "COMPLETED" {
			continue
		}
		if now.Error == "" && now.ErrorType == "" {
			return nil
		}
		if class, known := classOf(now.ErrorType); known {
			return fail(class, now.ErrorType, errors.New("completed with an error"))
		}
		// The error type is not known, but the answer of the model has a status.
		var none drawn
		if err := p.ask(ctx, a.ResponseURL, &none); err != nil {
			return err
		}
		return fail(providers.Transient, "completed_with_error", errors.New("completed with an error of an unknown type"))
	}
}

// result finds where the picture is.
func (p *Provider) result(ctx context.Context, a accepted) (string, error) {
	var out drawn
	if err := p.ask(ctx, a.ResponseURL, &out); err != nil {
		return "", err
	}
	return out.picture()
}

// picture is the address of the only picture.
func (d drawn) picture() (string, error) {
	switch {
	case len(d.NSFW) > 0 && d.NSFW[0]: // the picture is there, and black
		return "", fail(providers.Blocked, "has_nsfw_concepts", errors.New("the safety checker has found something"))
	case len(d.Images) == 0 || d.Images[0].URL == "":
		return "", fail(providers.Transient, "no_image", errors.New("a good answer without a picture"))
	}
	return d.Images[0].URL, nil
}

// callOff cancels a request that is no longer wanted, even if ctx has ended. Whether that came in time changes nothing.
func (p *Provider) callOff(ctx context.Context, a accepted) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	_ = p.call(ctx, http.MethodPut, a.CancelURL, nil, nil, nil)
}

// ask reads from the queue, more than once where that may help: reading costs nothing, and a request given up for a
// moment's disturbance would be paid for again.
func (p *Provider) ask(ctx context.Context, u string, out any) error {
	for try := 1; ; try++ {
		err := p.call(ctx, http.MethodGet, u, nil, nil, out)
		if err == nil {
			return nil
		}
		told := p.tell(ctx, err)
		refused, isRefusal := errors.AsType[*refusal](err)
		if ctx.Err() != nil || try == tries || errors.Is(err, transport.ErrTooLarge) || isRefusal && !refused.passing() {
			return told
		}
		if err := p.cfg.Wait(ctx, firstLook<<try); err != nil {
			return err
		}
	}
}

// call makes one request. The key goes only to addresses of the queue, which the caller has checked. A bad status is a
// *refusal; all other errors are net/http's and may quote what was sent.
func (p *Provider) call(ctx context.Context, method, u string, header http.Header, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, u, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Authorization", "Key "+p.cfg.Key)
	req.Header.Set("Accept", "application/json")
	res, err := p.cfg.Client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		return refused(res, raw, p.cfg.Now())
	case err != nil:
		return err
	case out == nil:
		return nil
	}
	return json.Unmarshal(raw, out)
}

// tell turns an error of call into one that may be shown.
func (p *Provider) tell(ctx context.Context, err error) error {
	if no, ok := errors.AsType[*refusal](err); ok {
		return no.failure()
	}
	return transport.Failure(ctx, Name, err)
}

// origin is where a URL leads, as far as a key is concerned.
type origin struct{ scheme, host string }

func originOf(base string) (origin, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return origin{}, errors.New("it is no http URL")
	}
	return origin{u.Scheme, u.Host}, nil
}

// owns tells whether a URL that the queue returned leads to the queue itself.
func (o origin) owns(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == o.scheme && u.Host == o.host && u.User == nil && u.Opaque == ""
}
