package safety

import "time"

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
