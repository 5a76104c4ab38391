package bearer

import (
	"errors"
	"net/http"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// A Rule says what a route is about and what a token needs for it: how to load what a request names, which resource that is, and
// which permissions there. A handler gets what was loaded, so that it works on the very thing that was decided on.
//
//	bearer.On(s.pullRequest, pullRequest.destination).Needs(hallpass.PullRequestWrite).And(pullRequest.source, hallpass.RepositoryRead)
//
// A Rule is a value: its methods return another. The zero Rule, and one that needs nothing, cannot be registered. It is safe for
// concurrent use if its functions are.
type Rule[T any] struct {
	load  func(*http.Request) (T, error)
	of    func(T) hallpass.Resource
	needs []need[T]
}

// A need is what a token has to be permitted on one resource.
type need[T any] struct {
	of          func(T) hallpass.Resource
	permissions []hallpass.Permission
}

// On returns the rule about what load returns for a request, of which of is the resource. It needs nothing yet, so that it
// cannot be registered: add [Rule.Needs].
//
// load runs once for each request, after its token was found good and before anything is decided. It takes names out of the request and
// all else, such as the project in which a repository lies, out of the host's database. It changes nothing, for it runs for tokens that
// may do nothing here too, and answers nothing. Where there is no such thing it returns [NotFound]; its other errors are answered by their [StatusCode],
// without their text: log them here. load and of must be safe for concurrent use.
func On[T any](load func(*http.Request) (T, error), of func(T) hallpass.Resource) Rule[T] {
	return Rule[T]{load: load, of: of}
}

// itself is the resource of what is one.
func itself(r hallpass.Resource) hallpass.Resource { return r }

// Needs returns r with these permissions needed, all of them and besides what it needed before, on the resource of [On].
func (r Rule[T]) Needs(p hallpass.Permission, more ...hallpass.Permission) Rule[T] {
	return r.And(r.of, p, more...)
}

// And returns r with these permissions needed on a second resource of what was loaded, such as the repository that a pull request
// comes from. All that a rule needs has to be permitted.
func (r Rule[T]) And(of func(T) hallpass.Resource, p hallpass.Permission, more ...hallpass.Permission) Rule[T] {
	n := need[T]{of, append([]hallpass.Permission{p}, more...)}
	r.needs = append(slices.Clip(r.needs), n)
	return r
}

// pass loads what the request of t names, and decides. Only a nil error means yes.
func (r Rule[T]) pass(g *Gate, request *http.Request, t hallpass.Token) (T, error) {
	var none T
	loaded, err := r.load(request)
	if err != nil {
		// What is not there is told to tokens that might do all of this anywhere within the place where it was looked for.
		for _, n := range r.needs {
			err = g.Hide(request.Context(), err, n.permissions[0], n.permissions[1:]...)
		}
		return none, err
	}
	for _, n := range r.needs {
		if err := g.Authority.Decide(request.Context(), t, n.of(loaded), n.permissions[0], n.permissions[1:]...); err != nil {
			return none, err
		}
	}
	return loaded, nil
}

// permissions returns all that r needs, once each, in the order in which it was named.
func (r Rule[T]) permissions() (all []hallpass.Permission) {
	for _, n := range r.needs {
		for _, p := range n.permissions {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

func (r Rule[T]) validate() error {
	switch {
	case r.load == nil:
		return errors.New("the rule has no function to load with")
	case len(r.needs) == 0:
		return errors.New("the rule needs no permission; say which with Needs, or register the route as Public")
	case slices.ContainsFunc(r.needs, func(n need[T]) bool { return n.of == nil }):
		return errors.New("the rule has no function to tell the resource")
	}
	return nil
}
