package hallpass

import (
	"context"
	"iter"
)

// ListOptions narrow [Authority.List].
type ListOptions struct {
	Only           bool // those bound to within itself, not those bound to what lies inside it
	IncludeRevoked bool // those that have stopped, too
	After          ID   // those with a greater ID, to go on after a page
	Limit          int  // at most so many; 0: no limit
}

// Get returns a token anywhere within the given resource, live or not. Outside it, it is not found. The error wraps [ErrNotFound],
// [ErrTampered], with a Token that has but its ID, [ErrInvalid] for a zero within, or [ErrUnavailable].
func (a *Authority) Get(ctx context.Context, within Resource, id ID) (Token, error) {
	r, _, err := a.With(a.cfg.Store).find(ctx, within, id)
	if err == ErrTampered {
		return Token{ID: r.Token.ID}, err
	}
	if err != nil {
		return Token{}, err
	}
	return a.token(r), nil
}

// List yields the tokens within a resource, in the order of their IDs. A project's are its own: repositories move. A record that
// was tampered with comes as a Token that has but its ID, with [ErrTampered], one whose key is not among Config.Keys likewise with
// ErrUnavailable, and the rows after it follow. An error without an ID ends the list: it wraps [ErrUnavailable], or [ErrInvalid] for a
// zero within, a negative limit, or an After that is no ID. Nothing is held between one token and the next, so tokens may be revoked in between.
//
// List does not know who asks: show tokens only to whoever may manage them.
func (a *Authority) List(ctx context.Context, within Resource, opts ListOptions) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		if err := within.Validate(); err != nil {
			yield(Token{}, err)
			return
		}
		if opts.Limit < 0 {
			yield(Token{}, invalidf("ListOptions.Limit is negative; it is 0 for no limit, or more"))
			return
		}
		// It may come from a URL.
		if opts.After != "" && badTokenID(opts.After) {
			yield(Token{}, invalidf("ListOptions.After; it is empty or the ID of a token, %s", tokenIDRule))
			return
		}
		n := 0
		for page, err := range pages(ctx, a.cfg.Store, Query{Within: within.Identity(), Only: opts.Only, After: opts.After}) {
			if err != nil {
				yield(Token{}, err)
				return
			}
			for _, r := range page {
				t, err := a.listed(r)
				// Of a record that nothing vouches for it is not known that it stopped, unless it was ended for that.
				stopped := r.abandoned() || err == nil && (r.tombstone() || t.ended())
				if stopped && !opts.IncludeRevoked {
					continue
				}
				if n++; !yield(t, err) || n == opts.Limit {
					return
				}
			}
		}
	}
}

// listed returns what List shows of r.
func (a *Authority) listed(r *Record) (Token, error) {
	if _, err := a.examine(r); err != nil {
		return Token{ID: r.Token.ID}, err
	}
	return a.token(r), nil
}
