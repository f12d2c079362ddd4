package providers

import "context"

// Moderator looks at a picture before it is copied, and says what it sees; package safety decides what follows from that. A
// failure of the vendor is an [*Error], and the end of ctx comes back wrapped as it is: neither says anything about the picture.
// ctx carries the deadline.
type Moderator interface {
	// Name identifies the model and the version of the questions, such as gemini-3.8-flash/1. Findings are stored under it, so
	// it must change with everything that changes the answers.
	Name() string
	// Moderate looks at an encoded picture.
	Moderate(ctx context.Context, picture Picture) (Finding, error)
}

// Finding is what a moderator sees in a picture. What it can't tell it leaves false.
type Finding struct {
	PublicFigure bool `json:"public_figure"` // a person whom many would recognise
	Minor        bool `json:"minor"`         // a person who looks younger than 18
	Sexual       bool `json:"sexual"`        // nudity or sex
	Violent      bool `json:"violent"`       // gore, or cruelty to a person or an animal
	// Likeness: besides the main person, another one can be recognised, whose consent was not stated.
	Likeness bool `json:"likeness"`
	// Refused: the vendor's own safety rules kept the moderator from looking.
	Refused bool `json:"refused"`
}
