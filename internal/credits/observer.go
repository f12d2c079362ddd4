package credits

// BalanceObserver is told of credits that have moved, once the commit that moved them is known: why, as the ledger's action says
// it, and how many. Nil: not observed.
type BalanceObserver func(action string, amount int64)

// Observe calls the observer, if there is one.
func (m BalanceObserver) Observe(action string, amount int64) {
	if m != nil {
		m(action, amount)
	}
}
