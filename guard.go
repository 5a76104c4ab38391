package hallpass

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// These are the only calls of a Store. Whatever it does, an error, a panic, another record than was asked for, comes
// out as one of few errors: only a record that was asked for is ever an answer.

// read returns the record with this ID, ErrNotFound itself, or an error that wraps ErrUnavailable.
func read(ctx context.Context, s Store, id ID) (r *Record, err error) {
	if badTokenID(id) {
		return nil, ErrNotFound
	}
	defer catch(&err)
	r, err = s.Get(ctx, id)
	// A store may have missed that the context ended, and what it says then may be of anything.
	if ctx.Err() != nil {
		return nil, unavailable("the context ended while the store was read", ctx.Err())
	}
	if err != nil {
		return nil, storeError(err, ErrNotFound)
	}
	if r == nil || r.Token.ID != id {
		return nil, unavailable("the store", errAnother)
	}
	return r, nil
}

var errAnother = errors.New("it answered another record than was asked for")

// write makes the changes. It returns nil, or ErrExists, ErrConflict, ErrNotFound or errors.ErrUnsupported themselves, after
// which nothing was changed, or an error that wraps ErrUnavailable, after which anything may have been.
func write(ctx context.Context, s Store, changes ...Change) (err error) {
	defer catch(&err)
	if err := s.Write(ctx, changes...); err != nil {
		return storeError(err, ErrExists, ErrConflict, ErrNotFound, errors.ErrUnsupported)
	}
	return nil
}

// pageSize is how many records are read before any of them is worked on, so that a store needs but one connection, and how
// many are written at once.
const pageSize = 100

// pages yields all that q matches, a page at a time, or an error that wraps ErrUnavailable. Each page is read to its end
// before it is yielded.
func pages(ctx context.Context, s Store, q Query) iter.Seq2[[]*Record, error] {
	return func(yield func([]*Record, error) bool) {
		for {
			q.Limit = pageSize
			page, err := readPage(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) || len(page) < pageSize {
				return
			}
			q.After = page[len(page)-1].Token.ID
		}
	}
}

func readPage(ctx context.Context, s Store, q Query) (page []*Record, err error) {
	defer catch(&err)
	for r, err := range s.List(ctx, q) {
		if err != nil {
			return nil, storeError(err)
		}
		if r == nil || !q.Matches(r) {
			return nil, unavailable("the store", errAnother)
		}
		q.After = r.Token.ID // each is to be greater than the one before
		if page = append(page, r); len(page) == q.Limit {
			break
		}
	}
	if ctx.Err() != nil {
		return nil, unavailable("the context ended while the store was read", ctx.Err())
	}
	return page, nil
}

// guard is for calls whose only outcomes are nil and an error that wraps ErrUnavailable.
func guard(call func() error) (err error) {
	defer catch(&err)
	if err := call(); err != nil {
		return storeError(err)
	}
	return nil
}

// storeError returns the one of known that err is, or wraps err in ErrUnavailable.
func storeError(err error, known ...error) error {
	if !errors.Is(err, ErrUnavailable) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		for _, k := range known {
			if errors.Is(err, k) {
				return k
			}
		}
	}
	return unavailable("the store", err)
}

// catch makes an error of a panic. It is deferred.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = unavailable("the store", fmt.Errorf("it panicked: %v", p))
	}
}

const tokenIDRule = "1 to 128 bytes of visible ASCII"

// badTokenID reports whether no token can have this ID: no store need be asked.
func badTokenID(id ID) bool {
	if id == "" || len(id) > maxLength {
		return true
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' {
			return true
		}
	}
	return false
}
