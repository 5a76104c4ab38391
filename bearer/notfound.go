package bearer

import (
	"fmt"

	"github.com/hallpass-go/hallpass"
)

// NotFound returns the error with which a loader of [Gate.Require], [On] or [Handle], or one whose error [Gate.Hide] gets, says that what a
// request names does not exist within a resource, such as a repository within its workspace, or a pull request within its repository, with
// its In. A token that reaches all of that resource, and has what the route needs, gets a 404: it may know. Any other gets exactly the 403
// that it gets for what exists and is not for it, so that no answer tells which of the two it is. For the zero Resource, as where the
// workspace does not exist either, that is every token.
//
// The error wraps [hallpass.ErrNotFound]. A loader that returns a bare ErrNotFound says nothing of where, and no token learns of it.
// NotFound is safe for concurrent use.
func NotFound(within hallpass.Resource) error { return &notFoundError{within} }

type notFoundError struct{ within hallpass.Resource }

func (e *notFoundError) Error() string {
	return fmt.Sprintf("%v within %q", hallpass.ErrNotFound, e.within)
}

func (e *notFoundError) Unwrap() error { return hallpass.ErrNotFound }
