package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 30 * time.Second
)

// client is one keep-alive connection. The first request opens it, and the next one after a failure opens it again.
type client struct {
	addr   string
	source net.IP // to connect from; nil: chosen by the system
	conn   net.Conn
	reader *bufio.Reader
	body   bytes.Buffer // of the last answer
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.conn = nil
}

// send writes a request and reads the head of its answer.
func (c *client) send(ctx context.Context, text string) (*http.Response, error) {
	if c.conn == nil {
		dialer := net.Dialer{Timeout: dialTimeout}
		if c.source != nil {
			dialer.LocalAddr = &net.TCPAddr{IP: c.source}
		}
		conn, err := dialer.DialContext(ctx, "tcp", c.addr)
		if err != nil {
			return nil, err
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c.conn, text); err != nil {
		return nil, err
	}
	return http.ReadResponse(c.reader, nil)
}

// do makes one request, checks its status and stores what it captures. It returns how long it took, from before the request was
// written until the last byte of the answer.
func (c *client) do(ctx context.Context, r Request, vars Vars) (time.Duration, error) {
	text := r.render(c.addr, vars)
	begun := time.Now()
	answer, err := c.send(ctx, text)
	if err != nil {
		c.close()
		return 0, err
	}
	c.body.Reset()
	_, err = c.body.ReadFrom(answer.Body)
	took := time.Since(begun)
	if err != nil || answer.Close {
		c.close()
	}
	if err == nil && answer.StatusCode != r.Expect {
		err = fmt.Errorf("%s %s: status %d, not %d: %.200s", r.Method, r.Path, answer.StatusCode, r.Expect, c.body.Bytes())
	}
	for name, of := range r.Capture {
		vars[name] = member(c.body.Bytes(), of)
	}
	return took, err
}

// checkLoopback refuses any other machine, so that a mistake can't flood one.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errors.New(addr + " is not a loopback address")
	}
	return nil
}
