package events

// buffer is how many events a subscriber may be behind before it has to read the state again. With the room for the lag
// mark and the bookkeeping, a subscription takes about a quarter of a kilobyte.
const buffer = 8

// Subscription is one subscriber's view of one topic.
type Subscription struct {
	hub      *Hub
	topic    string
	index    int         // in hub.topics[topic]
	events   chan *Event // holds one more than buffer: the lag mark
	lagged   bool        // the latest event sent was the lag mark
	onChange func()      // called after each event sent, and at the end; nil: not observed
}

// Subscribe returns a subscription to a topic, which the caller must close. After the hub's [Hub.Run] has ended, the
// subscription is closed from the start.
func (h *Hub) Subscribe(topic string) *Subscription {
	s := &Subscription{hub: h, topic: topic, events: make(chan *Event, buffer+1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.events)
		return s
	}
	s.index = len(h.topics[topic])
	h.topics[topic] = append(h.topics[topic], s)
	return s
}

// C returns the channel of the events. It is closed by [Subscription.Close], and when the hub's [Hub.Run] ends.
func (s *Subscription) C() <-chan *Event { return s.events }

// setOnChange has f called whenever an event was sent from now on, and when the hub's Run ends. f runs under the hub's
// lock, so it must not block.
func (s *Subscription) setOnChange(f func()) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.onChange = f
}

// Close ends the subscription. Further calls do nothing.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	subscriptions := s.hub.topics[s.topic]
	if s.index >= len(subscriptions) || subscriptions[s.index] != s {
		return // closed before
	}
	last := len(subscriptions) - 1
	subscriptions[s.index] = subscriptions[last]
	subscriptions[s.index].index = s.index
	subscriptions[last] = nil
	if last == 0 {
		delete(s.hub.topics, s.topic)
	} else {
		s.hub.topics[s.topic] = subscriptions[:last]
	}
	close(s.events)
}

// offer sends an event, or the lag mark instead of it if the subscriber is too far behind. It never blocks. The caller
// holds the hub's lock and is therefore the only sender.
func (s *Subscription) offer(e *Event) {
	switch {
	case s.markUnread(): // when the subscriber comes to the mark it reads the state, with this change in it
	case len(s.events) < buffer:
		s.lagged = false
		s.send(e)
	default:
		s.lag()
	}
}

// lag sends the lag mark, unless one is still unread. The caller holds the hub's lock.
func (s *Subscription) lag() {
	if !s.markUnread() {
		s.lagged = true
		s.send(&Event{Lagged: true}) // never blocks: offer leaves the last slot of the channel to the mark
	}
}

func (s *Subscription) send(e *Event) {
	s.events <- e
	if s.onChange != nil {
		s.onChange()
	}
}

// end closes the channel of a subscription that the hub has removed from its topics. The caller holds the hub's lock.
func (s *Subscription) end() {
	close(s.events)
	if s.onChange != nil {
		s.onChange()
	}
}

// markUnread reports whether the subscriber has not read the lag mark yet. Nothing is sent after an unread mark, so the
// mark is unread for as long as the channel holds anything.
func (s *Subscription) markUnread() bool { return s.lagged && len(s.events) > 0 }
