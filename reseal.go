package hallpass

import (
	"context"
	"errors"
	"iter"
)

// Verify reads every record of the store, of all workspaces, and yields the ID of each whose seal does not hold, with
// [ErrTampered], or that is under a key that is not among Config.Keys, with an error that wraps [ErrUnavailable]. It
// passes by those that were revoked for it. It needs no token, and changes nothing. An error without an ID means that the store
// could not be read further. [Authority.Sweep] does the same, tells how far it has come, and can go on after a kill.
func (a *Authority) Verify(ctx context.Context) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		a.each(ctx, yield, func(*Record, hasher) error { return errUnchanged })
	}
}

// Reseal moves every record, tombstones too, to the current key, so that the older ones can be dropped, and yields the ID of
// each that it moved with a nil error. It yields those that Verify would yield with the same errors, and leaves them as they
// are. It needs no token and no secret, and tokens work all the while. It does its work as it is ranged over; if it is stopped, the
// next one goes on where that left off, for what is moved is passed by. When it yields no error, nothing needs the older keys.
func (a *Authority) Reseal(ctx context.Context) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		a.each(ctx, yield, func(r *Record, h hasher) error { return a.move(ctx, r, h) })
	}
}

// errUnchanged is of a record that there is nothing to say about.
var errUnchanged = errors.New("unchanged")

// each does work on all good records, and yields what comes of it, and of those that are not good.
func (a *Authority) each(ctx context.Context, yield func(ID, error) bool, work func(*Record, hasher) error) {
	for page, err := range pages(ctx, a.cfg.Store, Query{All: true}) {
		if err != nil {
			yield("", err)
			return
		}
		for _, r := range page {
			if err := a.inspect(r, work); err != errUnchanged && !yield(r.Token.ID, err) {
				return
			}
		}
	}
}

// inspect does work on r if it is good, and returns what comes of it; or it returns what is wrong with r. There is nothing to say about
// one that was ended for being tampered with.
func (a *Authority) inspect(r *Record, work func(*Record, hasher) error) error {
	if r.abandoned() {
		return errUnchanged
	}
	h, err := a.examine(r)
	if err != nil {
		return err
	}
	return work(r, h)
}

// move puts r under the current key, whatever others do with it meanwhile.
func (a *Authority) move(ctx context.Context, r *Record, h hasher) error {
	for range attempts {
		if r.KeyID == a.hashers[0].keyID {
			return errUnchanged
		}
		n := *r
		a.seal(&n, h.digestOf(r))
		switch err := write(ctx, a.cfg.Store, Change{r, &n}); err {
		case nil:
			a.observe(ctx, Event{Kind: Resealed, Token: a.token(&n)})
			return nil
		case ErrConflict:
		case ErrNotFound:
			return errUnchanged
		default:
			return inexplicable(err)
		}
		var err error
		if r, err = read(ctx, a.cfg.Store, r.Token.ID); err != nil {
			return inexplicable(err)
		}
		if r.abandoned() {
			return errUnchanged
		}
		if h, err = a.examine(r); err != nil {
			return err
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
