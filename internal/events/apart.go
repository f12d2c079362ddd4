package events

// Apart calls f in a goroutine of its own and waits for it. Queries and JSON need a deep stack, of 16 kB, which a
// goroutine keeps until the collector halves it some time later; that of a follower, thousands of which wait at a time,
// stays as small as it began. A panic is passed on.
func Apart(f func() error) error {
	var err error
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = f()
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}
