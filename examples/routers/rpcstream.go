package routers

import (
	"context"
	"sync"

	"github.com/hallpass-go/hallpass"
)

// A stream checks all messages of a stream. A token that is revoked ends it with the next message, in either direction. Each asks the
// store once; a stream of many small messages may ask every second instead, and the revocation takes as long then. While nothing is
// sent a stream may stay open, and carries nothing.
type stream struct {
	rpc    *RPC
	ctx    context.Context // of the stream, with its token
	method Method

	mu      sync.Mutex // messages come and go at the same time
	decided bool
	refused error // once for all
}

// received decides on a message that came in. Each may name another resource.
func (s *stream) received(message any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recheck(); s.refused == nil {
		s.refused = s.rpc.decide(s.ctx, s.method, message)
	}
	s.decided = s.decided || s.refused == nil
	return s.refused
}

// sending returns nil if a message may go out: something was decided, and the token is live still.
func (s *stream) sending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recheck(); s.refused == nil && !s.decided {
		s.refused = hallpass.ErrDenied // what this stream is about nobody has said yet
	}
	return s.refused
}

func (s *stream) recheck() {
	if s.refused == nil {
		token, _ := hallpass.FromContext(s.ctx)
		s.refused = s.rpc.Gate.Authority.Recheck(s.ctx, token)
	}
}

// refusal returns why the stream was refused, or nil. A handler may take a refused message for the end of the stream, and return nil.
func (s *stream) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}
