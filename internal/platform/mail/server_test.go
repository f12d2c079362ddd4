package mail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

const (
	smtpUser     = "mailer"
	smtpPassword = "submission-secret"
)

// delivery is a message that the server accepted.
type delivery struct {
	from, to, user string
	encrypted      bool
	data           string
}

// server is a real SMTP server. Its behaviour is set before it starts.
type server struct {
	implicit, noTLS, noAuth bool
	onMail                  func() error        // nil: accepted
	onRcpt, onData          func(try int) error // try counts from 1
	onConnect               func(conn *smtp.Conn) error

	addr string
	ca   *x509.CertPool

	mu         sync.Mutex
	tries      int
	deliveries []delivery
}

func (s *server) delivered() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deliveries
}

func start(t *testing.T, s *server) *server {
	t.Helper()
	certificate, pool := authority(t)
	s.ca = pool
	engine := smtp.NewServer(s)
	engine.Domain = "mail.example.com"
	engine.AllowInsecureAuth = s.noTLS
	engine.ErrorLog = log.New(io.Discard, "", 0)
	if !s.noTLS {
		engine.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = listener.Addr().String()
	if s.implicit {
		listener = tls.NewListener(listener, engine.TLSConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = engine.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = engine.Close()
		<-done
	})
	return s
}

// authority makes a CA for the test, and a certificate of it for 127.0.0.1.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// NewSession implements smtp.Backend.
func (s *server) NewSession(conn *smtp.Conn) (smtp.Session, error) {
	if s.onConnect != nil {
		if err := s.onConnect(conn); err != nil {
			return nil, err
		}
	}
	return &session{server: s, conn: conn}, nil
}

type session struct {
	server *server
	conn   *smtp.Conn
	delivery
}

func (s *session) AuthMechanisms() []string {
	if s.server.noAuth {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != smtpUser || password != smtpPassword {
			return &smtp.SMTPError{Code: 535, Message: "authentication failed for " + username + " with " + password}
		}
		s.user = username
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	if s.server.onMail != nil {
		return s.server.onMail()
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	s.server.tries++
	try := s.server.tries
	s.server.mu.Unlock()
	if s.to != "" {
		return errors.New("a second recipient")
	}
	s.to = to
	if s.server.onRcpt != nil {
		return s.server.onRcpt(try)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.onData != nil {
		if err := s.server.onData(s.server.tries); err != nil {
			return err
		}
	}
	s.data = string(raw)
	_, s.encrypted = s.conn.TLSConnectionState()
	s.server.deliveries = append(s.server.deliveries, s.delivery)
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
