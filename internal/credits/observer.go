package credits

// BalanceObserver is told of credits that have moved, once the commit that moved them is known: why, as the ledger's action says
// it, and how many. Nil: nobody is told.
type BalanceObserver func(action string, amount int64)

// Observe tells whoever wants to know.
func (m BalanceObserver) Observe(action string, amount int64) {
	if m != nil {
		m(action, amount)
	}
}
