package apptest

import (
	"sync/atomic"
	"time"
)

// Clock is the world's clock, set forward at will. The zero value shows the right time.
type Clock struct{ ahead atomic.Int64 }

// Now is the time on this clock.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance lets time pass for whoever goes by this clock.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
