package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// patience is how long a call waits for others to finish writing, if its context lets it.
const patience = 5 * time.Second

// retry calls f until it is not busy. A connection that proved dead before anything was done on it is as good a reason to try again.
func (s *Store) retry(ctx context.Context, f func() error) error {
	return retry(ctx, func(err error) bool {
		if s.engine.forgotten != nil && s.engine.forgotten(err) {
			s.pooled.Store(true)
			return true
		}
		return s.engine.busy(err) || errors.Is(err, driver.ErrBadConn)
	}, f)
}

func retry(ctx context.Context, busy func(error) bool, f func() error) error {
	err := f()
	if err == nil || !busy(err) {
		return explained(ctx, err)
	}
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		select {
		case <-ctx.Done():
			return explained(ctx, err)
		case <-time.After(wait):
		}
		if err = f(); err == nil || !busy(err) || time.Now().After(deadline) {
			return explained(ctx, err)
		}
	}
}

// explained adds to an error that the context ended, which some drivers do not say.
func explained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return errors.Join(ctx.Err(), err)
}
