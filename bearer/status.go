package bearer

import (
	"errors"
	"net/http"

	"github.com/hallpass-go/hallpass"
)

// StatusCode returns the HTTP status for what hallpass or a host reports of a request, the first of these that fits:
//
//	nil                          200
//	hallpass.ErrUnavailable      503
//	hallpass.ErrUnauthenticated  401
//	hallpass.ErrDenied           403
//	hallpass.ErrNotFound         404
//	that of BadRequest           400
//	any other error              500
//
// ErrUnavailable comes first, for the error of a store may wrap anything: where nothing could be decided, the bearer must not
// hear that his token is bad. A mistake of the host, such as [hallpass.ErrInvalid], is a 500; a [*hallpass.DeniedError] is a 403,
// also where it matches ErrInvalid. 200 says that there was no error, and does not imply that anybody decided anything.
//
// StatusCode changes nothing and is safe for concurrent use. Its sources are RFC 6750, section 3.1, and RFC 9110, section 15.
// What RFC 6750 calls a malformed request, and answers by 400, is a 401 here, so that all bad tokens look alike; a 400 is never of the token.
func StatusCode(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, hallpass.ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.Is(err, hallpass.ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err, hallpass.ErrDenied):
		return http.StatusForbidden
	case errors.Is(err, hallpass.ErrNotFound):
		return http.StatusNotFound
	}
	if _, ok := errors.AsType[*badRequestError](err); ok {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
