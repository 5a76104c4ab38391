package hallpass

import (
	"cmp"
	"context"
	"errors"
	"iter"
)

// Verify reads every record of the store, of all workspaces, and yields the ID of each whose seal does not hold, with
// [ErrTampered], or that is under a key that is not among Config.Keys, with an error that wraps [ErrUnavailable]. It
// passes by those that were revoked for it. It needs no token, and changes nothing. An error without an ID means that the store
// could not be read further. [Authority.Sweep] does the same, tells how far it has come, and can go on after a kill.
func (a *Authority) Verify(ctx context.Context) iter.Seq2[ID, error] {
	return a.each(ctx, func(r *Record) error {
		_, err := a.older(r)
		return cmp.Or(err, errUnchanged)
	})
}

// Reseal moves every record, tombstones too, to the current key, so that the older ones can be dropped, and yields the ID of
// each that it moved with a nil error. It yields those that Verify would yield with the same errors, and leaves them as they
// are. It needs no token and no secret, and tokens work all the while. It does its work as it is ranged over; if it is stopped, the
// next one goes on where that left off, for what is moved is passed by. When it yields no error, nothing needs the older keys.
// [Authority.Sweep] does the same for many records in one write, and tells how far it has come.
func (a *Authority) Reseal(ctx context.Context) iter.Seq2[ID, error] {
	return a.each(ctx, func(r *Record) error { return a.move(ctx, r) })
}

// errUnchanged is of a record that there is nothing to say about.
var errUnchanged = errors.New("unchanged")

// each does work on all records, and yields what comes of it.
func (a *Authority) each(ctx context.Context, work func(*Record) error) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		for page, err := range pages(ctx, a.cfg.Store, Query{All: true}) {
			if err != nil {
				yield("", err)
				return
			}
			for _, r := range page {
				if err := work(r); err != errUnchanged && !yield(r.Token.ID, err) {
					return
				}
			}
		}
	}
}

// older returns the hasher of a good record that is under an older key. The error is errUnchanged if it is under the current one, or was
// ended for being tampered with, or says what is wrong with it.
func (a *Authority) older(r *Record) (hasher, error) {
	if r.abandoned() {
		return hasher{}, errUnchanged
	}
	h, err := a.examine(r)
	if err == nil && h.keyID == a.hashers[0].keyID {
		err = errUnchanged
	}
	return h, err
}

// resealed returns r, which h sealed, under the current key.
func (a *Authority) resealed(r *Record, h hasher) *Record {
	n := *r
	a.seal(&n, h.digestOf(r))
	return &n
}

// move puts r under the current key, whatever others do with it meanwhile.
func (a *Authority) move(ctx context.Context, r *Record) error {
	for range attempts {
		h, err := a.older(r)
		if err != nil {
			return err
		}
		n := a.resealed(r, h)
		switch err := write(ctx, a.cfg.Store, Change{r, n}); err {
		case nil:
			a.observe(ctx, Event{Kind: Resealed, Token: a.token(n)})
			return nil
		case ErrConflict:
		case ErrNotFound:
			return errUnchanged
		default:
			return inexplicable(err)
		}
		if r, err = read(ctx, a.cfg.Store, r.Token.ID); err != nil {
			return inexplicable(err)
		}
	}
	return unavailable("the store", errBusy)
}

// Check reports whether this Authority can work, for readiness probes: whether the store answers, and, on a sample of the records, that
// their keys are among Config.Keys and that some seal holds. None does if the Realm or the Prefix is another one than the
// tokens were issued with. A store with a method Check(context.Context) error is asked too. The error wraps [ErrUnavailable].
func (a *Authority) Check(ctx context.Context) error {
	if s, ok := a.cfg.Store.(interface{ Check(context.Context) error }); ok {
		if err := guard(func() error { return s.Check(ctx) }); err != nil {
			return err
		}
	}
	// Records are moved to a new key in the order of their IDs, so the sample is of the first ones and of some in between.
	held, failed := 0, 0
	for _, after := range []ID{"", ID(appendRandom(nil, idLength))} {
		page, err := readPage(ctx, a.cfg.Store, Query{All: true, After: after, Limit: 32})
		if err != nil {
			return err
		}
		for _, r := range page {
			if r.abandoned() {
				continue
			}
			switch _, err := a.examine(r); err {
			case nil:
				held++
			case ErrTampered:
				failed++
			default:
				return err
			}
		}
	}
	if failed > 0 && held == 0 {
		return unavailable("the seals", errRealm)
	}
	return nil
}

var errRealm = errors.New("none of a sample holds; is Config.Realm or Config.Prefix another one than before?")
