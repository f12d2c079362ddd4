package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// Kind names what a mail is about, as outbox rows store it.
type Kind string

// The kinds.
const (
	KindConfirmEmail    Kind = "confirm_email"
	KindResetPassword   Kind = "reset_password"
	KindPasswordChanged Kind = "password_changed"
	KindAccountLocked   Kind = "account_locked"
	KindSecondFactor    Kind = "second_factor_changed"
)

// Content has the variable parts of a mail: [ConfirmEmail], [ResetPassword], [PasswordChanged],
// [AccountLocked] or [SecondFactorChanged].
type Content interface {
	Kind() Kind
}

// ConfirmEmail has the code with which the owner of an address confirms it.
type ConfirmEmail struct {
	Code     string
	ValidFor time.Duration // rounded up to minutes
}

// ResetPassword has the token of the link to a new password.
type ResetPassword struct {
	Token    string
	ValidFor time.Duration // rounded up to minutes
}

// PasswordChanged tells the owner of an account about a new password, which an intruder may have set.
type PasswordChanged struct {
	At   time.Time
	From Origin
}

// FactorChange is what happened to a second factor, as outbox rows store it.
type FactorChange string

// The changes of a second factor. With each but the first, codes that recover the account stop counting.
const (
	FactorEnabled  FactorChange = "enabled"
	FactorReplaced FactorChange = "replaced"
	FactorDisabled FactorChange = "disabled"
	FactorReset    FactorChange = "reset" // by an operator
)

// SecondFactorChanged tells the owner of an account about a change of its second factor and of its recovery codes.
type SecondFactorChanged struct {
	At     time.Time
	Change FactorChange
	From   Origin // not told of a change by an operator
}

// Subject is the subject of the mail.
func (c SecondFactorChanged) Subject() string {
	return "Your second factor was " + map[FactorChange]string{
		FactorEnabled: "turned on", FactorReplaced: "replaced", FactorDisabled: "turned off", FactorReset: "reset by our support",
	}[c.Change]
}

// Done tells what was done.
func (c SecondFactorChanged) Done() string {
	return map[FactorChange]string{
		FactorEnabled:  "turned on, with new recovery codes,",
		FactorReplaced: "replaced by another one, with new recovery codes,",
		FactorDisabled: "turned off, and its recovery codes discarded,",
		FactorReset:    "taken off by our support, with its recovery codes,",
	}[c.Change]
}

// Where ends that sentence.
func (c SecondFactorChanged) Where() string {
	if c.Change == FactorReset {
		return ", and all devices were signed out"
	}
	return " from " + c.From.String()
}

// AccountLocked tells the owner of an account that it was locked after many wrong passwords.
type AccountLocked struct {
	At  time.Time
	For time.Duration // rounded up to minutes
}

// Kind implements Content.
func (ConfirmEmail) Kind() Kind { return KindConfirmEmail }

// Kind implements Content.
func (ResetPassword) Kind() Kind { return KindResetPassword }

// Kind implements Content.
func (PasswordChanged) Kind() Kind { return KindPasswordChanged }

// Kind implements Content.
func (AccountLocked) Kind() Kind { return KindAccountLocked }

// Kind implements Content.
func (SecondFactorChanged) Kind() Kind { return KindSecondFactor }

// Templates writes mails. It is safe for concurrent use.
type Templates struct {
	product string
	appURL  string
	texts   *texttemplate.Template
	pages   map[Kind]*htmltemplate.Template
}

// page is the data of a template.
type page struct {
	Product string
	AppURL  string // without a slash at the end
	Subject string // empty while the text is written, which contains it
	Content
}

// ResetURL returns the address of the app's page that takes the token. The token is in the fragment, which browsers send to
// no server: neither logs nor a Referer can hold it. It fails for content other than [ResetPassword].
func (p page) ResetURL() (string, error) {
	reset, ok := p.Content.(ResetPassword)
	if !ok {
		return "", errors.New("no token to link to")
	}
	return p.AppURL + "/reset-password#token=" + url.QueryEscape(reset.Token), nil
}

// NewTemplates returns the templates for a product's name and for links that begin with appURL, the address of the front
// end. It fails for a name or an address that is malformed.
func NewTemplates(product, appURL string) (*Templates, error) {
	app, err := url.Parse(appURL)
	if err != nil || app.Host == "" || (app.Scheme != "https" && app.Scheme != "http") || app.RawQuery != "" {
		return nil, errors.New("mail: the app's URL is not of the form https://host")
	}
	if product == "" || hasControl(product) {
		return nil, errors.New("mail: the product's name is not one line")
	}
	functions := map[string]any{"minutes": minutes, "moment": moment, "link": newLink}
	t := &Templates{product: product, appURL: strings.TrimRight(appURL, "/"), pages: map[Kind]*htmltemplate.Template{}}
	t.texts, err = texttemplate.New("").Funcs(functions).ParseFS(templates, "templates/*.txt")
	if err != nil {
		return nil, fmt.Errorf("parse mail texts: %w", err)
	}
	for _, kind := range []Kind{KindConfirmEmail, KindResetPassword, KindPasswordChanged, KindAccountLocked, KindSecondFactor} {
		t.pages[kind], err = htmltemplate.New("layout.html").Funcs(functions).
			ParseFS(templates, "templates/layout.html", "templates/"+string(kind)+".html")
		if err != nil {
			return nil, fmt.Errorf("parse mail pages: %w", err)
		}
	}
	return t, nil
}

// Render returns the message for content. The caller sets its ID and To.
func (t *Templates) Render(content Content) (Message, error) {
	kind := content.Kind()
	data := page{Product: t.product, AppURL: t.appURL, Content: content}
	var out bytes.Buffer
	if err := t.texts.ExecuteTemplate(&out, string(kind)+".txt", data); err != nil {
		return Message{}, fmt.Errorf("write text of mail %s: %w", kind, err)
	}
	subject, text, found := strings.Cut(out.String(), "\n\n") // the first line of a text is its subject
	if !found {
		return Message{}, fmt.Errorf("text of mail %s has no subject", kind)
	}
	data.Subject = subject
	out.Reset()
	if err := t.pages[kind].Execute(&out, data); err != nil {
		return Message{}, fmt.Errorf("write page of mail %s: %w", kind, err)
	}
	return Message{Subject: subject, Text: text, HTML: out.String()}, nil
}

// link is a button of a page.
type link struct{ URL, Label string }

func newLink(url, label string) link { return link{url, label} }

// minutes writes a duration for people, rounded up to whole minutes.
func minutes(d time.Duration) string {
	n := int((d + time.Minute - 1) / time.Minute)
	if n == 1 {
		return "1 minute"
	}
	return fmt.Sprintf("%d minutes", n)
}

// moment writes a time for people, in UTC and saying so.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }
