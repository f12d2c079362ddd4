// Package mail writes the product's e-mails ([Templates]) and sends them ([Sender]): to an SMTP server ([SMTP]), or in
// development to a folder and the console ([Sink]).
//
// No e-mail contains text that a client has chosen. Sign-up and sign-in send e-mail to addresses whose owners have not agreed
// to it, and a "name" with a link in it would make the product send advertisements.
package mail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Message is one e-mail to one person.
type Message struct {
	// ID identifies the message, 1 to 255 bytes. The Message-ID header is derived from it, so that receivers recognise a
	// repeat: a message whose sending was interrupted is sent again with the same ID.
	ID      string
	To      string // an address, without a display name
	Subject string // one line
	Text    string
	HTML    string
}

// Sender sends messages. It is safe for concurrent use. Send returns nil once the message was accepted for delivery. Its errors
// contain neither credentials nor anything of the message; [IsPermanent] tells whether to try again.
type Sender interface {
	Send(ctx context.Context, message Message) error
}

// sendError says why a message was not accepted.
type sendError struct {
	doing     string // what was being done
	code      int    // the server's SMTP reply code, 0 if it gave none
	permanent bool
	cause     error // nil, or free of what the server said, since servers like to quote addresses and passwords
}

func (e *sendError) Error() string {
	text := "mail: " + e.doing
	if e.code != 0 {
		text += fmt.Sprintf(": server answered %d", e.code)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *sendError) Unwrap() error { return e.cause }

// IsPermanent reports whether an error of Send is about the message itself, so that sending it again can't succeed: it is
// malformed, or the server refused its recipient or its contents with a 5xx reply (RFC 5321, section 4.2.1). All other errors
// (4xx replies, the network, TLS, credentials, the sender's address) can pass by themselves or be corrected by an operator,
// so the message is worth another try.
func IsPermanent(err error) bool {
	e, ok := errors.AsType[*sendError](err)
	return ok && e.permanent
}

// compose turns a message into MIME: plain text with an HTML alternative. It fails permanently where a value could inject a
// header or a second recipient.
func compose(from *mail.Address, message Message, now time.Time) (*gomail.Msg, error) {
	malformed := func(what string) error { return &sendError{doing: what, permanent: true} }
	switch {
	case message.ID == "" || len(message.ID) > 255:
		return nil, malformed("message has no usable ID")
	case message.Subject == "" || hasControl(message.Subject):
		return nil, malformed("subject is not one line")
	case message.Text == "" || message.HTML == "":
		return nil, malformed("body is empty")
	}
	to, err := mail.ParseAddress(message.To)
	if err != nil || to.Address != message.To || hasControl(message.To) {
		return nil, malformed("recipient is not an address")
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	msg.Subject(message.Subject)
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(messageID(from, message.ID))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // keeps out-of-office replies away (RFC 3834, section 5)
	msg.SetBodyString(gomail.TypeTextPlain, message.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	return msg, nil
}

// messageID derives the Message-ID header from an ID.
func messageID(from *mail.Address, id string) string {
	sum := sha256.Sum256([]byte(id))
	_, domain, _ := strings.Cut(from.Address, "@")
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// parseFrom reads the sender of all messages, such as "MugShot Studio <hello@example.com>".
func parseFrom(from string) (*mail.Address, error) {
	address, err := mail.ParseAddress(from)
	if err != nil || hasControl(from) {
		return nil, errors.New("mail: the sender is not an address")
	}
	return address, nil
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
