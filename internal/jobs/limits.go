package jobs

import "time"

// Limits bound what is drawn at once, over all workers, and how long a job may take. Zero bounds nothing.
type Limits struct {
	// UserJobs is how many jobs of one account are in play: drawn, on their way to a worker, or waiting for another
	// attempt. The others wait, so that a job has at most this many jobs of each other account before it, however many that
	// account queues.
	UserJobs int32
	// ProviderCalls is how many jobs are drawn at once by one provider.
	ProviderCalls int32
	// MaxAge is how long after it was queued a job may still begin an attempt. Then it fails and its credits come back.
	MaxAge time.Duration
}

// forever stands for no MaxAge.
const forever = 100 * 365 * 24 * time.Hour

func (l Limits) maxAge() time.Duration {
	if l.MaxAge == 0 {
		return forever
	}
	return l.MaxAge
}
