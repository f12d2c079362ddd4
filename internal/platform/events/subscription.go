package events

// buffer is how many events a reader may be behind before it has to read the state again. With the mark's place and the
// bookkeeping a subscription takes about a quarter of a kilobyte.
const buffer = 8

// Subscription is one reader's view of one topic.
type Subscription struct {
	hub      *Hub
	topic    string
	index    int         // in hub.topics[topic]
	events   chan *Event // one place more than buffer, for the mark
	lagged   bool        // the last thing sent was the mark
	onChange func()      // told of everything that is sent, and of the end; nil: nobody
}

// Subscribe returns a subscription to a topic. The caller owes it a Close. From a hub whose Run has ended it comes
// closed.
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

// C returns the channel of the events. It is closed by Close, and when the hub's Run ends.
func (s *Subscription) C() <-chan *Event { return s.events }

// setOnChange has wake called whenever something was sent from now on, and when the hub's Run ends. It must not wait.
func (s *Subscription) setOnChange(wake func()) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.onChange = wake
}

// Close ends the subscription. It may be called again.
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

// offer sends an event, or the mark in its place if the reader is too far behind. It never blocks. The hub's lock is
// held, so nobody else sends.
func (s *Subscription) offer(e *Event) {
	switch {
	case s.marked(): // the reader will read the state when it comes to the mark, and this change with it
	case len(s.events) < buffer:
		s.lagged = false
		s.send(e)
	default:
		s.lag()
	}
}

// lag sends the mark, unless an unread one is there. The hub's lock is held.
func (s *Subscription) lag() {
	if !s.marked() {
		s.lagged = true
		s.send(&Event{Lagged: true}) // there is room: events leave the last place free
	}
}

func (s *Subscription) send(e *Event) {
	s.events <- e
	if s.onChange != nil {
		s.onChange()
	}
}

// end closes the channel of a subscription that the hub has forgotten. The hub's lock is held.
func (s *Subscription) end() {
	close(s.events)
	if s.onChange != nil {
		s.onChange()
	}
}

// marked reports whether the mark is still unread: nothing is sent after it, so as long as anything is, it is.
func (s *Subscription) marked() bool { return s.lagged && len(s.events) > 0 }
