package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// DefaultSMTPTimeout is the time-out of one message where the configuration has none. RFC 5321, section 4.5.3.2, recommends to
// wait up to ten minutes for a single reply, but a worker's lease would expire before that.
const DefaultSMTPTimeout = 20 * time.Second

// How the connection is encrypted.
const (
	startTLS    = "starttls" // plain at first, then upgraded; a server that can't is refused
	implicitTLS = "implicit" // from the first byte (RFC 8314, section 3.3)
	noTLS       = "none"
)

// SMTPConfig says which server takes the mail, and from whom it is.
type SMTPConfig struct {
	// URL is smtp://user:password@host:587, which requires STARTTLS; smtps://user:password@host:465, with TLS from the
	// start; or smtp://host:1025?tls=none, without TLS, which is refused with RequireTLS, and with a password unless the host
	// is this machine. ?tls=starttls and ?tls=implicit are explicit forms of the first two. Default ports: 587 and 465.
	URL        string
	From       string        // "MugShot Studio <hello@example.com>"
	RequireTLS bool          // true outside development
	Timeout    time.Duration // of one message, from dialling to the server's acceptance; DefaultSMTPTimeout if 0
	TLS        *tls.Config   // nil for the system's roots; NewSMTP sets its ServerName
}

// SMTP is a [Sender] that submits each message over a new connection.
type SMTP struct {
	from    *mail.Address
	timeout time.Duration
	now     func() time.Time
	host    string
	mode    string
	tls     *tls.Config
	options []gomail.Option
}

// NewSMTP returns a sender for a server, without dialling it. Its errors say what is wrong with the configuration, and contain
// no part of the URL.
func NewSMTP(cfg SMTPConfig, now func() time.Time) (*SMTP, error) {
	from, err := parseFrom(cfg.From)
	if err != nil {
		return nil, err
	}
	target, mode, err := parseSMTPURL(cfg)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(target.Port())
	if err != nil {
		return nil, errors.New("mail: the port of the SMTP URL is not a number")
	}
	s := &SMTP{from: from, timeout: cfg.Timeout, now: now, host: target.Hostname(), mode: mode, tls: &tls.Config{}}
	if s.timeout <= 0 {
		s.timeout = DefaultSMTPTimeout
	}
	if cfg.TLS != nil {
		s.tls = cfg.TLS.Clone()
	}
	s.tls.ServerName = s.host
	s.tls.MinVersion = max(s.tls.MinVersion, tls.VersionTLS12)
	s.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(2 * s.timeout), // later than ctx, whose error is clearer
		gomail.WithTLSConfig(s.tls),
		gomail.WithoutNoop(), gomail.WithoutRset(), // not needed with one message for each connection
	}
	switch mode {
	case implicitTLS:
		s.options = append(s.options, gomail.WithSSL())
	case noTLS:
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if target.User != nil {
		secret, _ := target.User.Password()
		s.options = append(s.options, gomail.WithUsername(target.User.Username()), gomail.WithPassword(secret),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("mail: configure SMTP: %w", err)
	}
	return s, nil
}

// parseSMTPURL returns the URL, completed by its port, and how to encrypt.
func parseSMTPURL(cfg SMTPConfig) (target *url.URL, mode string, err error) {
	target, err = url.Parse(cfg.URL)
	if err != nil || target.Hostname() == "" {
		return nil, "", errors.New("mail: the SMTP URL is not of the form smtp://user:password@host:port")
	}
	query := target.Query()
	mode = query.Get("tls")
	query.Del("tls")
	switch {
	case len(query) > 0 || (target.Path != "" && target.Path != "/"):
		return nil, "", errors.New("mail: the SMTP URL knows no path and no parameter but tls")
	case target.Scheme == "smtps" && (mode == "" || mode == implicitTLS):
		mode = implicitTLS
	case target.Scheme == "smtp" && mode == "":
		mode = startTLS
	case target.Scheme == "smtp" && (mode == startTLS || mode == implicitTLS || mode == noTLS):
	default:
		return nil, "", errors.New("mail: the SMTP URL starts with smtp:// or smtps://, with tls=starttls, implicit or none")
	}
	if mode == noTLS && cfg.RequireTLS {
		return nil, "", errors.New("mail: tls=none is for development")
	}
	if mode == noTLS && target.User != nil && !isLoopback(target.Hostname()) {
		return nil, "", errors.New("mail: tls=none would send the password in the clear")
	}
	if target.Port() == "" {
		port := "587"
		if mode == implicitTLS {
			port = "465"
		}
		target.Host = net.JoinHostPort(target.Hostname(), port)
	}
	return target, mode, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && address.IsLoopback())
}

// Send implements Sender. It returns when ctx ends, or after the time-out.
func (s *SMTP) Send(ctx context.Context, message Message) error {
	msg, err := compose(s.from, message, s.now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// The library leaks a connection whose greeting fails, and ignores its context once it is connected. So Send dials the
	// connection itself, and closes it when ctx ends, at the latest with this call.
	dial := gomail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		raw, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = raw.Close() })
		if s.mode != implicitTLS {
			return raw, nil
		}
		secured := tls.Client(raw, s.tls)
		return secured, secured.HandshakeContext(ctx)
	})
	client, err := gomail.NewClient(s.host, append(slices.Clip(s.options), dial)...)
	if err != nil {
		return &sendError{doing: "set up", cause: err}
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return classify(ctx, "open session", err)
	}
	if err := client.SendWithSMTPClient(session, msg); err != nil {
		return classify(ctx, "hand over", err)
	}
	_ = client.CloseWithSMTPClient(session) // the server has accepted the message, whether this succeeds or not
	return nil
}

// classify makes a sendError with what an operator needs of err, without the text of the server.
func classify(ctx context.Context, doing string, err error) error {
	if refused, ok := errors.AsType[*gomail.SendError](err); ok {
		aboutMessage := refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPData ||
			refused.Reason == gomail.ErrSMTPDataClose
		code := refused.ErrorCode()
		return &sendError{
			doing: fmt.Sprintf("%s: %s", doing, refused.Reason), code: code, permanent: aboutMessage && code/100 == 5,
			cause: ctx.Err(),
		}
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return &sendError{doing: doing, code: reply.Code}
	}
	if ctx.Err() != nil {
		err = ctx.Err() // rather than "use of closed network connection"
	}
	return &sendError{doing: doing, cause: err}
}
