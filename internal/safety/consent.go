package safety

import (
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// A statement is made when a picture is ordered: a clock that is ahead by clockSkew is believed, and one that was made
// longer ago than consentLifetime is asked for again.
const (
	clockSkew       = 5 * time.Minute
	consentLifetime = 24 * time.Hour
)

// Consent is what the creator stated about the person in the selfie.
type Consent struct {
	SubjectIsMe   bool      `json:"subject_is_me"`
	SubjectAgreed bool      `json:"subject_agreed"`
	AcceptedAt    time.Time `json:"accepted_at"`
}

// given tells whether the creator states that the person agrees. A nil Consent, where nothing was stated, does not.
func (c *Consent) given() bool {
	return c != nil && (c.SubjectIsMe || c.SubjectAgreed)
}

// check holds the time of a statement, if there is one, against the present.
func (c *Consent) check(now time.Time) error {
	switch {
	case c == nil:
		return nil
	case c.AcceptedAt.After(now.Add(clockSkew)):
		return apperr.Validation(apperr.Body("consent/accepted_at", "in_future", "must not be in the future"))
	case c.AcceptedAt.Before(now.Add(-consentLifetime)):
		return apperr.Validation(apperr.Body("consent/accepted_at", "too_old", "must not be older than a day: ask for the consent again"))
	}
	return nil
}
