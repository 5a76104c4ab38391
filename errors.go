package hallpass

import (
	"errors"
	"fmt"
	"strings"
)

// The errors that hallpass reports. Compare with [errors.Is]: most are wrapped, with what was wrong and with their cause.
// None carries a byte of a secret. Only a nil error means yes.
var (
	// ErrUnauthenticated says that what was presented is no live token: malformed, unknown, with the wrong secret, revoked
	// or tampered with. It is one value with one text, so that whoever presents a token cannot tell these apart; the audit
	// [Event] can. HTTP hosts answer 401.
	ErrUnauthenticated = errors.New("hallpass: unauthenticated")

	// ErrDenied says that a live token may not do what was asked. The error is a [*DeniedError], which says why.
	// HTTP hosts answer 403.
	ErrDenied = errors.New("hallpass: denied")

	// ErrUnavailable says that nothing could be decided, because the store or the key could not be asked. It is neither a
	// no nor a yes: do not allow, do not tell the bearer that the token is bad, and try again. After a write it says that
	// the outcome is unknown and that calling again is safe. HTTP hosts answer 503.
	ErrUnavailable = errors.New("hallpass: unavailable")

	// ErrInvalid says that the host made a mistake; the text says what was wrong and what is right. Nothing was stored.
	ErrInvalid = errors.New("hallpass: invalid")

	// ErrTampered says that a record was changed outside hallpass. Its token is dead. [Authority.List], [Authority.Get],
	// [Authority.Verify], [Authority.Rotate] and [Authority.Reseal] report it; who presents such a token sees
	// ErrUnauthenticated.
	ErrTampered = errors.New("hallpass: record was changed outside hallpass")

	// ErrNotFound says that there is no such token within the resource that was given, or, from a [Store], no such record.
	ErrNotFound = errors.New("hallpass: not found")

	// ErrExists says, from a [Store], that the ID of a new record is taken.
	ErrExists = errors.New("hallpass: exists already")

	// ErrConflict says that what was to be changed has changed: from a [Store], that the stored seal is not the expected
	// one; from [Authority.Rotate], that the token was revoked or replaced before.
	ErrConflict = errors.New("hallpass: conflict")
)

// A DeniedError says all that a token lacked, for logs and for the body of a 403. It unwraps to [ErrDenied]. Where the
// resource was the zero Resource, as the constructors give for a bad part, it also matches [ErrInvalid].
type DeniedError struct {
	Token      Token        // the token that asked
	Resource   Resource     // what it asked for
	Missing    []Permission // every permission that its scope does not permit, in the order in which they were asked for
	OutOfReach bool         // the resource lies outside the one that the token is bound to
}

// Error names the token by its ID and says what was missing.
func (e *DeniedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: token %q for %q", ErrDenied, e.Token.ID, e.Token.Resource)
	if e.OutOfReach {
		if e.Resource.Kind() == 0 {
			b.WriteString(" was asked for the zero Resource, which no token reaches: a part of it was bad or empty")
		} else {
			fmt.Fprintf(&b, " does not reach %q", e.Resource)
		}
	}
	if len(e.Missing) > 0 {
		if e.OutOfReach {
			b.WriteString(" and")
		}
		b.WriteString(" lacks")
		for _, p := range e.Missing {
			b.WriteString(" ")
			b.WriteString(string(p))
		}
	}
	return b.String()
}

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }

// Is reports whether target is [ErrInvalid] and the resource was the zero Resource: then the denial is the host's mistake.
func (e *DeniedError) Is(target error) bool {
	return target == ErrInvalid && e.Resource.Kind() == 0
}

// invalidf says what was wrong and what is right.
func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// unavailable wraps the cause, so that a host can see, for instance, that its context ended.
func unavailable(what string, cause error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, cause)
}
