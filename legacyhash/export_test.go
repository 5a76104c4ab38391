package legacyhash

// Fill takes n of the slots, and returns what gives them back.
func (s *Set) Fill(n int) (release func()) {
	for range n {
		s.limits.slots <- struct{}{}
	}
	return func() {
		for range n {
			<-s.limits.slots
		}
	}
}

// Failing returns of how many IDs failures are counted.
func (s *Set) Failing() int {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	return len(s.limits.failing)
}
