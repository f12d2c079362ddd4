package events

import "strings"

// Line is a Redis channel that some topics share. What every API process has to hear, no worker needs.
type Line string

// The lines. States has the name under which earlier releases publish and listen, so that during a rolling restart each
// hears what the others' streams show.
const (
	States Line = "events" // what streams show
	Orders Line = "orders" // what those are told who work on something
)

const orderPrefix = "order:"

// Order returns the topic for whoever works on what topic names. It is on the line Orders, and every other topic on States.
func Order(topic string) string { return orderPrefix + topic }

func lineOf(topic string) Line {
	if strings.HasPrefix(topic, orderPrefix) {
		return Orders
	}
	return States
}
