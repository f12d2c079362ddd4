// Package download fetches the pictures that a provider made from where it says that they are. The URL comes from outside, so it
// is trusted only within limits: https, the provider's own hosts, public addresses, a size, a time,
// and a picture by its bytes.
package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Config says what may be fetched.
type Config struct {
	Provider string   // the provider that errors name
	Hosts    []string // the provider's host names; each stands for itself and all names below it
	// BaseURL is the provider's API as configured. Where it is on this machine and AllowLoopback is set, it is a fake, and
	// pictures may come over http from this machine. Production never sets AllowLoopback.
	BaseURL       string
	AllowLoopback bool
	MaxBytes      int64         // of a picture; 0: 32 MiB
	Timeout       time.Duration // of one try at a picture; 0: 60 s
}

// Limits that no caller needed to change yet.
const (
	tries        = 3 // a picture is paid for, and getting it again costs nothing
	maxRedirects = 3
	firstWait    = 200 * time.Millisecond
)

// Client fetches pictures. It is safe for concurrent use.
type Client struct {
	cfg     Config
	targets targets
	http    *http.Client
	strict  *http.Transport
	local   *http.Transport // nil: nothing of this machine
}

// New returns a client. Close it when it is no longer needed.
func New(cfg Config) *Client {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 32 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	c := &Client{cfg: cfg, strict: newTransport(public)}
	for _, host := range cfg.Hosts {
		c.targets.hosts = append(c.targets.hosts, strings.ToLower(host))
	}
	if cfg.AllowLoopback && LoopbackURL(cfg.BaseURL) {
		c.targets.loopback = true
		c.local = newTransport(func(addr netip.Addr) bool { return addr.Unmap().IsLoopback() })
	}
	c.http = &http.Client{Transport: c, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		req.Header.Del("Referer") // would tell the signed URL to the next host
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return nil
	}}
	return c
}

// newTransport connects only to addresses that are permitted. It knows no proxy, which would connect in its stead, and asks
// for no compression, so that a small answer can't unfold into a large one.
func newTransport(permitted func(netip.Addr) bool) *http.Transport {
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: control(permitted)}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true, MaxConnsPerHost: 16,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Close drops idle connections.
func (c *Client) Close() {
	c.strict.CloseIdleConnections()
	if c.local != nil {
		c.local.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper for the client's own use: each URL is checked here, the first one as well as
// those of redirects.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.targets.check(req.URL); err != nil {
		return nil, err
	}
	if req.URL.Scheme == "http" {
		return c.local.RoundTrip(req)
	}
	return c.strict.RoundTrip(req)
}

// Get fetches a picture and tells its content type (image/png, image/jpeg or image/webp) by its bytes. It tries again
// where that may help. What is the provider's fault comes back as a *providers.Error, the end of ctx wrapped as it is; no
// error holds the URL.
func (c *Client) Get(ctx context.Context, rawURL string) (data []byte, contentType string, err error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, "", c.fail(providers.Permanent, "result_url_refused", errTarget) // err quotes the URL
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = firstWait
	data, err = backoff.Retry(ctx, func() ([]byte, error) {
		data, again, err := c.try(ctx, u)
		if err != nil && !again {
			return nil, backoff.Permanent(err)
		}
		return data, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(tries))
	if err != nil {
		return nil, "", fmt.Errorf("download: %w", err)
	}
	return data, http.DetectContentType(data), nil
}

// try fetches once, and tells whether another time may help.
func (c *Client) try(parent context.Context, u *url.URL) (data []byte, again bool, err error) {
	ctx, cancel := context.WithTimeout(parent, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, false, c.fail(providers.Permanent, "result_url_refused", errTarget)
	}
	req.Header.Set("Accept", "image/png, image/jpeg, image/webp")
	res, err := c.http.Do(req)
	if err != nil {
		return c.broken(parent, err)
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusOK:
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return nil, true, c.fail(providers.Transient, "result_unavailable", fmt.Errorf("status %d", res.StatusCode))
	default: // expired or withdrawn; what is drawn anew has a URL of its own
		return nil, false, c.fail(providers.Transient, "result_expired", fmt.Errorf("status %d", res.StatusCode))
	}
	data, err = io.ReadAll(io.LimitReader(res.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return c.broken(parent, err)
	case int64(len(data)) > c.cfg.MaxBytes:
		return nil, false, c.fail(providers.Transient, "result_too_large", fmt.Errorf("more than %d bytes", c.cfg.MaxBytes))
	case !picture(data):
		return nil, false, c.fail(providers.Transient, "not_an_image", errors.New("the result is no PNG, JPEG or WebP"))
	}
	return data, false, nil
}

func picture(data []byte) bool {
	switch http.DetectContentType(data) {
	case "image/png", "image/jpeg", "image/webp":
		return true
	}
	return false
}

// broken says why no answer, or only a part of one, came. The errors of net/http quote URLs and are not kept.
func (c *Client) broken(parent context.Context, err error) (_ []byte, again bool, _ error) {
	switch {
	case parent.Err() != nil:
		return nil, false, parent.Err()
	case errors.Is(err, errTarget):
		return nil, false, c.fail(providers.Permanent, "result_url_refused", errTarget)
	case errors.Is(err, errAddress):
		return nil, false, c.fail(providers.Permanent, "result_url_refused", errAddress)
	}
	return nil, true, transport.Failure(parent, c.cfg.Provider, err)
}

func (c *Client) fail(class providers.Class, reason string, cause error) error {
	return &providers.Error{
		Provider: c.cfg.Provider, Class: class, Reason: reason, Cause: cause, Ours: class == providers.Permanent,
	}
}
