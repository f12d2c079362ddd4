package safety

import "time"

// Consent is what the creator stated about the person in the selfie.
type Consent struct {
	SubjectIsMe   bool      `json:"subject_is_me"`
	SubjectAgreed bool      `json:"subject_agreed"`
	AcceptedAt    time.Time `json:"accepted_at"`
}

// given tells whether somebody vouches for the person. The zero of *Consent, nobody having said anything, does not.
func (c *Consent) given() bool {
	return c != nil && (c.SubjectIsMe || c.SubjectAgreed)
}
