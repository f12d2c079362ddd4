package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mugshot-studio/backend/internal/jobs"
)

// BenchmarkJob measures what our own part of a job costs, from the order to the picture: a provider of no time, sixteen
// creators side by side.
func BenchmarkJob(b *testing.B) {
	f := setupLimited(b, 0, time.Minute, jobs.Limits{UserJobs: 2, ProviderCalls: 16})
	creators := make([]creator, 64)
	for i := range creators {
		creators[i] = f.creator(b, 1_000_000)
	}
	var next atomic.Int32
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c := creators[int(next.Add(1))%len(creators)]
			queued, _, err := f.service.Queue(context.Background(), c.user.ID, c.project.ID, draft, noKey)
			if err == nil {
				err = f.runner.Run(context.Background(), queued.JobID)
			}
			if err != nil {
				b.Error(err)
			}
			select {
			case <-f.pushed:
			default:
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
