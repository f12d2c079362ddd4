package events

import "strings"

// Channel is a Redis channel that some topics share. What every API process has to hear, no worker needs.
type Channel string

// The channels. StateChannel has the name under which earlier releases publish and listen, so that during a rolling restart each
// hears what the others' streams show.
const (
	StateChannel   Channel = "events" // what streams show
	ControlChannel Channel = "orders" // what those are told who work on something
)

const controlPrefix = "order:"

// ControlTopic returns the topic for whoever works on what topic names. It is on ControlChannel,
// and every other topic on StateChannel.
func ControlTopic(topic string) string { return controlPrefix + topic }

func channelOf(topic string) Channel {
	if strings.HasPrefix(topic, controlPrefix) {
		return ControlChannel
	}
	return StateChannel
}
