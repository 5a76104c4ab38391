package cachestore

import (
	"sync/atomic"
	"time"
)

// An instant is a reading of a clock that never runs slower than either of the two that a machine has. The monotonic one of Linux stands
// still while the machine is suspended, and the other may be set back.
type instant int64

// A clock makes instants: the monotonic time, and all that the wall clock ever gained on it.
type clock struct {
	read   func() (monotonic, wall time.Duration)
	gained atomic.Int64 // nanoseconds
	ahead  atomic.Int64 // by how much the wall clock was ahead when it was last looked at
}

// slack is how much the wall clock may drift before that is noted. It is small against any staleness that is worth promising.
const slack = int64(time.Millisecond)

func newClock(read func() (monotonic, wall time.Duration)) *clock {
	c := &clock{read: read}
	monotonic, wall := read()
	c.ahead.Store(int64(wall - monotonic))
	return c
}

// clocks returns the two clocks of this machine.
func clocks() func() (monotonic, wall time.Duration) {
	start := time.Now()
	return func() (monotonic, wall time.Duration) {
		now := time.Now()
		return now.Sub(start), time.Duration(now.UnixNano())
	}
}

func (c *clock) now() instant {
	monotonic, wall := c.read()
	ahead := int64(wall - monotonic)
	if last := c.ahead.Load(); ahead > last+slack || ahead < last-slack {
		c.drifted(last, ahead)
	}
	return instant(int64(monotonic) + c.gained.Load())
}

// drifted notes that the wall clock gained on the other, or fell behind, which counts for nothing but is where it may gain from next.
func (c *clock) drifted(last, ahead int64) {
	if ahead > last {
		c.gained.Add(ahead - last) // before others see that it was noted; should two note it, all is only older than it is
	}
	c.ahead.CompareAndSwap(last, ahead)
}
