// Package supabase is a storage.Store on the REST interface of Supabase Storage (github.com/supabase/storage).
//
// The product has its own client because the only one in Go has no context, no deadline and a data race. Three properties of
// the server shape it: it answers nearly every error with HTTP 400 and the real status in the body; an upload token is bound
// to a path, but to no size or type; and a key of the new form (sb_secret_…) is no JWT and must not be sent as one.
package supabase

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// The defaults of Config.
const (
	DefaultTimeout         = 5 * time.Second
	DefaultTransferTimeout = time.Minute
	DefaultRetryInterval   = 200 * time.Millisecond
)

const (
	maxTries       = 4
	maxInterval    = 3 * time.Second
	maxElapsed     = 3             // no try begins later than this many time-outs of one try after the first
	maxAnswerBytes = 4 << 20       // of JSON; a full page of List has about 0.6 MB
	prefix         = "/storage/v1" // path of the storage on the project's host
	maxBatch       = 500           // names in one call; the server takes 1000
	cacheControl   = "private, max-age=3600"
)

// Config configures a [Client]. URL, Key and Now are required.
type Config struct {
	URL string // of the project, without a path: https://<ref>.supabase.co
	Key string // a secret key (sb_secret_…), or the older service_role JWT
	Now func() time.Time

	Transport       http.RoundTripper // nil: one of our own, with a pool of connections
	Timeout         time.Duration     // of one try of a call; 0: DefaultTimeout
	TransferTimeout time.Duration     // of one try of moving an object's bytes; 0: DefaultTransferTimeout
	RetryInterval   time.Duration     // before the first retry, doubled each time, ±50 %; 0: DefaultRetryInterval
	Log             *slog.Logger      // retries, at debug level; nil: none
}

// Client is a [storage.Store] on Supabase Storage. Its key appears in no error and no log, even where the Client is printed.
type Client struct {
	base      string
	authorize func(http.Header) // a closure keeps the key out of what fmt prints of a Client
	http      *http.Client
	now       func() time.Time
	timeout   time.Duration
	transfer  time.Duration
	interval  time.Duration
	log       *slog.Logger
}

var _ storage.Store = (*Client)(nil)

// New returns a Client. It does not call the server.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return nil, errors.New("supabase storage: the URL is not https://host") // not quoted: it may hold a secret
	}
	if cfg.Key == "" || strings.ContainsFunc(cfg.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("supabase storage: the key is empty, or has a character that no key has")
	}
	c := &Client{
		base:      u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/") + prefix,
		authorize: authorizer(cfg.Key),
		now:       cfg.Now,
		timeout:   cmp.Or(cfg.Timeout, DefaultTimeout),
		transfer:  cmp.Or(cfg.TransferTimeout, DefaultTransferTimeout),
		interval:  cmp.Or(cfg.RetryInterval, DefaultRetryInterval),
		log:       cfg.Log,
		http: &http.Client{
			Transport: cfg.Transport,
			// On a redirect Go would send headers that it does not know, such as apikey, to the new host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if c.http.Transport == nil {
		c.http.Transport = newTransport()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// newTransport keeps enough idle connections for a busy API process; Go's default keeps two for each host.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   3 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // pictures don't shrink, and Content-Length must stay true
	}
}

// authorizer sets the headers for a key: apikey for every key, and a bearer token too if the key is a JWT.
func authorizer(key string) func(http.Header) {
	return func(h http.Header) {
		h.Set("Apikey", key)
		if strings.HasPrefix(key, "eyJ") {
			h.Set("Authorization", "Bearer "+key)
		}
	}
}

// Close closes idle connections. Calls may still be made.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request to the storage, which must be harmless when repeated.
type call struct {
	doing   string // for errors: "head bucket/path"
	method  string
	path    string // below prefix
	header  http.Header
	timeout time.Duration // of one try
	body    openBody      // nil: none
	once    bool          // the body can be read only once
}

// openBody opens a request's body for one try; the context is that of the try.
type openBody func(context.Context) (body io.ReadCloser, size int64, err error)

// do sends a call until it succeeds, is refused, or was tried often enough. use reads the answer, and closes it at once or
// later. An error of use counts as a fault of the storage, after which the call is tried again.
func (c *Client) do(ctx context.Context, k call, use func(*http.Response) error) error {
	schedule := backoff.NewExponentialBackOff()
	schedule.InitialInterval, schedule.Multiplier, schedule.MaxInterval = c.interval, 2, maxInterval
	try := func() (none struct{}, err error) {
		err = c.try(ctx, k, use)
		if err != nil && (k.once || !errors.Is(err, storage.ErrUnavailable)) {
			err = backoff.Permanent(err)
		}
		return none, err
	}
	_, err := backoff.Retry(ctx, try,
		backoff.WithBackOff(schedule), backoff.WithMaxTries(maxTries),
		backoff.WithMaxElapsedTime(maxElapsed*k.timeout),
		backoff.WithNotify(func(err error, wait time.Duration) {
			c.log.DebugContext(ctx, "supabase storage: try again", "error", err, "wait", wait)
		}))
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("supabase storage: %s: %w", k.doing, ctx.Err())
	}
	return err
}

// try sends a call once.
func (c *Client) try(parent context.Context, k call, use func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(parent, k.timeout)
	req, err := c.request(ctx, k)
	if err != nil {
		cancel()
		return err
	}
	res, err := c.http.Do(req) //nolint:bodyclose // closed by answerError, or by use
	if err != nil {
		cancel()
		return transportError(k.doing, err)
	}
	res.Body = &answer{ReadCloser: res.Body, ctx: parent, cancel: cancel, doing: k.doing}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return answerError(k.doing, res)
	}
	if err = use(res); err != nil {
		return transportError(k.doing, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, k.method, c.base+k.path, nil)
	if err != nil {
		return nil, &failure{doing: k.doing, reason: "unusable request"} // the error's text would quote the URL
	}
	if k.header != nil {
		req.Header = k.header.Clone()
	}
	c.authorize(req.Header)
	if k.body != nil {
		if req.Body, req.ContentLength, err = k.body(ctx); err != nil {
			return nil, transportError(k.doing, err)
		}
	}
	return req, nil
}

// json sends in, unless it is nil, and decodes the answer into out, unless that is nil.
func (c *Client) json(ctx context.Context, doing, method, path string, in, out any) error {
	k := call{doing: doing, method: method, path: path, timeout: c.timeout, header: http.Header{}}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("supabase storage: %s: encode the request: %w", doing, err)
		}
		k.header.Set("Content-Type", "application/json") // the server refuses a body of any other type
		k.body = func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		}
	}
	return c.do(ctx, k, func(res *http.Response) error {
		body, err := readAll(res)
		if err != nil || out == nil {
			return err
		}
		return json.Unmarshal(body, out)
	})
}

// readAll reads an answer to its end, so that its connection can be used again, and closes it.
func readAll(res *http.Response) ([]byte, error) {
	defer func() { _ = res.Body.Close() }() // all that matters has been read
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	if err == nil && len(body) > maxAnswerBytes {
		err = errTooLong
	}
	return body, err
}

// answer is the body of an answer. It keeps the deadline of its try until it is closed, and its errors are those of the
// Client.
type answer struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // the caller's, to tell its end from a time-out
	cancel context.CancelFunc
	doing  string
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case a.ctx.Err() != nil:
		return n, a.ctx.Err()
	default:
		return n, transportError(a.doing, err)
	}
}

// Close implements io.Closer.
func (a *answer) Close() error {
	a.cancel()
	return a.ReadCloser.Close()
}
