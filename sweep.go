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
	Bad      []Finding // among the last page of at most 256
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
			for _, r := range page {
				if err = a.sweep(ctx, r, opts.Reseal, &p); err != nil {
					break
				}
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// sweep adds r to p. An error means that nobody could tell.
func (a *Authority) sweep(ctx context.Context, r *Record, reseal bool, p *Progress) error {
	outdated := false
	err := a.inspect(r, func(r *Record, h hasher) error {
		if outdated = r.KeyID != a.hashers[0].keyID; outdated && reseal {
			return a.move(ctx, r, h)
		}
		return errUnchanged
	})
	switch {
	case err == nil:
		p.Resealed++
	case err == ErrTampered || errors.Is(err, errUnknownKey):
		p.Bad = append(p.Bad, Finding{r.Token.ID, err})
	case err != errUnchanged:
		return err
	case outdated && !reseal:
		p.Outdated++
	}
	p.Last = r.Token.ID
	p.Records++
	return nil
}
