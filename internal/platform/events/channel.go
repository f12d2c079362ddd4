package events

import "strings"

// Channel is a Redis channel that many topics share. Each process subscribes to the channels that its role needs: an API
// process to [StateChannel], a worker to [ControlChannel].
type Channel string

// The channels, by their names in Redis after the namespace.
const (
	// StateChannel carries what streams show. Earlier releases publish and listen under this name too, so that during a
	// rolling restart each process hears the changes that processes of the other release publish.
	StateChannel Channel = "events"
	// ControlChannel carries control messages to the workers, such as the request to stop a job.
	ControlChannel Channel = "orders"
)

const controlPrefix = "order:"

// ControlTopic returns the topic on which the worker that works on a job or reply hears control messages about it; topic
// is the topic on which the job's or reply's state is published. Control topics are on [ControlChannel], all others on
// [StateChannel]: so a worker does not hear the states that it publishes itself.
func ControlTopic(topic string) string { return controlPrefix + topic }

// channelOf returns the channel that a topic is on.
func channelOf(topic string) Channel {
	if strings.HasPrefix(topic, controlPrefix) {
		return ControlChannel
	}
	return StateChannel
}
