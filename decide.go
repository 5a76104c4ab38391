package hallpass

import "time"

// Authorize decides whether t may do p, and all of more, to r: the token is live, and its resource contains r, and its
// scope permits every permission asked for. It is the one decision, and does no I/O: [Authority.Authorize] is
// [Authority.Authenticate], then this. Use it for the second and further decisions of one request, on the Token that was
// returned for this request; a decision on one resource says nothing of another.
//
// It returns nil for yes. A [*DeniedError], which unwraps to [ErrDenied], says all that was missing. A token whose RevokedAt
// has passed is [ErrUnauthenticated]. A permission that the token's catalog does not know is the host's mistake,
// [ErrInvalid], and not allowed. It allocates nothing but the DeniedError.
//
// A project token reaches a repository only where r says by [Resource.In] that it lies in that project.
func Authorize(t Token, r Resource, p Permission, more ...Permission) error {
	if t.ended() {
		return ErrUnauthenticated
	}
	return decide(&t, r, p, more)
}

// May is [Authorize] without the reasons. It allocates nothing.
func (t Token) May(r Resource, p Permission, more ...Permission) bool {
	return !t.ended() && t.may(r, p, more)
}

// Reach returns the resource within which t may do p, and all of more, for endpoints that list: show what lies within
// it and nothing else. If it returns false, show nothing. Of a project it means the repositories that lie in it now.
func (t Token) Reach(p Permission, more ...Permission) (Resource, bool) {
	if !t.May(t.Resource, p, more...) {
		return Resource{}, false
	}
	return t.Resource, true
}

func decide(t *Token, r Resource, p Permission, more []Permission) error {
	if t.may(r, p, more) {
		return nil
	}
	return t.refuse(r, p, more)
}

// may holds the rule. All else reports it.
func (t *Token) may(r Resource, p Permission, more []Permission) bool {
	if !t.Resource.Contains(r) || !t.Scope.Permits(p) {
		return false
	}
	for _, p := range more {
		if !t.Scope.Permits(p) {
			return false
		}
	}
	return true
}

// refuse says all of why may said no. It does not stop at the first reason: who has to ask for rights wants to ask once.
func (t *Token) refuse(r Resource, p Permission, more []Permission) error {
	// One object holds the error and, for as many as are usual, what is missing.
	var d struct {
		DeniedError
		missing [4]Permission
	}
	e := &d.DeniedError
	*e = DeniedError{Token: *t, Resource: r, Missing: d.missing[:0], OutOfReach: !t.Resource.Contains(r)}
	for i := -1; i < len(more); i++ {
		if i >= 0 {
			p = more[i]
		}
		if c := t.Scope.catalog; c != nil {
			if _, ok := c.index[p]; !ok {
				return c.unknown(p)
			}
		}
		if !t.Scope.Permits(p) {
			e.Missing = append(e.Missing, p)
		}
	}
	if len(e.Missing) == 0 {
		e.Missing = nil
	}
	return e
}

// ended reports whether the time of t's revocation has come. The clock is read only where there is one.
func (t *Token) ended() bool {
	return !t.RevokedAt.IsZero() && !time.Now().Before(t.RevokedAt)
}
