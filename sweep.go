package hallpass

import (
	"context"
	"errors"
	"iter"
)

// SweepOptions say what [Authority.Sweep] does.
type SweepOptions struct {
	Reseal bool // move records to the current key; otherwise nothing is changed
	After  ID   // go on after this one: Progress.Last of a sweep that was stopped or killed
}

// Progress tells how far a sweep has come. All counts are of this sweep, from SweepOptions.After on.
type Progress struct {
	Last     ID        // all records up to this one are done
	Records  int       // so many
	Resealed int       // of them, moved to the current key by this sweep
	Outdated int       // of them, under an older key still
	Bad      []Finding // among the last page of at most 100
}

// A Finding is a record that something is wrong with.
type Finding struct {
	ID  ID
	Err error // ErrTampered, or an error that wraps ErrUnavailable where the key is not among Config.Keys
}

// Sweep is [Authority.Verify], or [Authority.Reseal], for stores of millions: it tells how far it has come after every page of records,
// and can go on after a kill. It reads one page at a time, and holds nothing between two. An error says why it could not go on: go on after
// Progress.Last when that is mended. It wraps [ErrUnavailable], or [ErrInvalid] for an After that is no ID.
//
// When a whole sweep counted no Outdated and found nothing Bad under an unknown key, the older keys can be dropped, if no process writes under them
// any more. It is safe for concurrent use, and tokens work all the while.
func (a *Authority) Sweep(ctx context.Context, opts SweepOptions) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		p := Progress{Last: opts.After}
		if opts.After != "" && badTokenID(opts.After) {
			yield(Progress{}, invalidf("SweepOptions.After; it is empty or the ID of a token, %s", tokenIDRule))
			return
		}
		for page, err := range pages(ctx, a.cfg.Store, Query{All: true, After: opts.After}) {
			p.Bad = nil
			for i, swept := range a.sweep(ctx, page, opts.Reseal) {
				if err = p.add(page[i].Token.ID, swept); err != nil {
					break
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// errOutdated is of a record under an older key that is left there.
var errOutdated = errors.New("under an older key")

// sweep examines a page of records and, if reseal is set, moves those that are under an older key, in one write if that goes. It returns for
// each nil, if it was moved, errUnchanged, errOutdated, or what is wrong with it.
func (a *Authority) sweep(ctx context.Context, page []*Record, reseal bool) []error {
	errs := make([]error, len(page))
	var changes []Change
	var places []int
	for i, r := range page {
		h, err := a.older(r)
		if errs[i] = err; err != nil {
			continue
		}
		if errs[i] = errOutdated; reseal {
			changes, places = append(changes, Change{r, a.resealed(r, h)}), append(places, i)
		}
	}
	if len(changes) == 0 {
		return errs
	}
	err := write(ctx, a.cfg.Store, changes...)
	for j, i := range places {
		switch err {
		case nil:
			errs[i] = nil
			a.observe(ctx, Event{Kind: Resealed, Token: a.token(changes[j].New)})
		case ErrConflict, ErrNotFound, errors.ErrUnsupported:
			errs[i] = a.move(ctx, page[i])
		default:
			errs[i] = inexplicable(err)
		}
	}
	return errs
}

// add counts a record of which sweep returned err. It returns err if that says that the sweep cannot go on.
func (p *Progress) add(id ID, err error) error {
	switch {
	case err == nil:
		p.Resealed++
	case err == errOutdated:
		p.Outdated++
	case err == ErrTampered || errors.Is(err, errUnknownKey):
		p.Bad = append(p.Bad, Finding{id, err})
	case err != errUnchanged:
		return err
	}
	p.Last = id
	p.Records++
	return nil
}
