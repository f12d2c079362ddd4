package credits

// Moved is told of credits that have moved, once the commit that moved them is known: why, as the ledger's action says
// it, and how many. Nil: nobody is told.
type Moved func(action string, amount int64)

// Tell tells whoever wants to know.
func (m Moved) Tell(action string, amount int64) {
	if m != nil {
		m(action, amount)
	}
}
