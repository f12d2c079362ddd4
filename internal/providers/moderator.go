package providers

import "context"

// Moderator looks at a picture before anything is made of it, and says what it sees; what follows from that is not its
// business. A failure of the vendor is an *Error, and the end of ctx comes back wrapped as it is: neither says anything
// of the picture. ctx carries the deadline.
type Moderator interface {
	// Name tells who judges, by which model and by which version of the questions, such as gemini-3.8-flash/1. Verdicts
	// are kept under it, so whatever changes the answers changes the name.
	Name() string
	// Moderate looks at an encoded picture.
	Moderate(ctx context.Context, picture Picture) (Finding, error)
}

// Finding is what a judge sees in a picture. What a judge can't tell it leaves false.
type Finding struct {
	PublicFigure bool `json:"public_figure"` // a person whom many would recognise
	Minor        bool `json:"minor"`         // somebody who looks younger than 18
	Sexual       bool `json:"sexual"`        // nudity or sex
	Violent      bool `json:"violent"`       // gore, or cruelty to a person or an animal
	// Likeness: besides the main person, somebody else can be recognised, whose consent nobody has stated.
	Likeness bool `json:"likeness"`
	// Refused: the vendor's own safety rules kept the judge from looking.
	Refused bool `json:"refused"`
}
