package cachestore

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A machine has the two clocks of a real one, which drift apart when it is suspended or somebody sets one of them. A time.Time cannot be made with
// both, so the clock is asked for each by itself.
type machine struct{ monotonic, wall time.Duration }

func (m *machine) clock() *clock {
	return newClock(func() (time.Duration, time.Duration) { return m.monotonic, m.wall })
}

func (m *machine) runs(d time.Duration)    { m.monotonic, m.wall = m.monotonic+d, m.wall+d }
func (m *machine) suspend(d time.Duration) { m.wall += d } // the monotonic clock of Linux stands still
func (m *machine) set(d time.Duration)     { m.wall += d }

func TestTheClockRunsWhileTheMachineIsSuspended(t *testing.T) {
	m := &machine{wall: 1e18}
	c := m.clock()
	before := c.now()
	m.runs(time.Second)
	m.suspend(time.Hour)
	assert.Equal(t, instant(time.Hour+time.Second), c.now()-before)
}

func TestAClockThatIsSetBackMakesNothingYounger(t *testing.T) {
	m := &machine{wall: 1e18}
	c := m.clock()
	before := c.now()
	m.set(-time.Hour)
	m.runs(time.Second)
	assert.Equal(t, instant(time.Second), c.now()-before)
	// Nor does that hide a suspension that comes after it.
	m.suspend(time.Minute)
	assert.Equal(t, instant(time.Minute+time.Second), c.now()-before)
}

// Whatever happens to the clocks between two readings, their distance is at least that of either clock, but for the slack of each change of direction.
func TestAnAgeIsAtLeastThatOfEitherClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		m := &machine{wall: 1e18}
		c := m.clock()
		type reading struct {
			at              instant
			monotonic, wall time.Duration
		}
		readings := []reading{}
		for range 30 {
			switch random.IntN(4) {
			case 0:
				m.suspend(time.Duration(random.Int64N(int64(time.Minute))))
			case 1:
				m.set(-time.Duration(random.Int64N(int64(time.Minute))))
			case 2:
				m.set(time.Duration(random.Int64N(int64(2*slack)) - slack))
			}
			m.runs(time.Duration(random.Int64N(int64(time.Second))))
			readings = append(readings, reading{c.now(), m.monotonic, m.wall})
		}
		last := readings[len(readings)-1]
		for _, r := range readings {
			age := time.Duration(last.at - r.at)
			require.GreaterOrEqual(t, age, last.monotonic-r.monotonic)
			require.GreaterOrEqual(t, age, last.wall-r.wall-2*time.Duration(slack))
		}
	}
}
