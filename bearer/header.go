package bearer

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// maxHeader is how many bytes the value of an Authorization header may have. A token of hallpass has some 70.
const maxHeader = 4096

// FromRequest returns the token that r presents in its Authorization header, by the rules of [FromHeader], as it is. It looks
// nowhere else: not at the URL, with its path, query and user, not at a form or cookie, not at another header. It reads no body.
//
// A nil error does not say that there is such a token, or that it may do anything: [hallpass.Authority.Authorize] does. The
// error is [hallpass.ErrUnauthenticated] itself, which holds nothing of the request; [WriteError] answers it. FromRequest changes
// nothing and is safe for concurrent use. Its sources are those of FromHeader; the form and the query of RFC 6750, sections 2.2
// and 2.3, are left out on purpose.
//
// The server of net/http has removed the white space around a value before FromRequest sees it.
func FromRequest(r *http.Request) (string, error) {
	return FromHeader(r.Header.Values("Authorization"))
}

// FromHeader returns the token in these values of an authorization header, as they were received, such as those of the
// "authorization" key in the metadata of a gRPC call. There has to be one value, of at most 4096 bytes, in one of two forms:
//
//	Bearer <token>
//	Basic <base64 of "x-token-auth:" and the token>
//
// The name of the scheme is in either case, and one space follows it. The token has one or more visible ASCII characters, none
// of them a comma, which may join two headers into one. The base64 is the standard one, padded and canonical. All else is
// refused, also the token as a user name, and another user.
//
// A nil error does not say that there is such a token, or that it may do anything: [hallpass.Authority.Authorize] does. The
// error is [hallpass.ErrUnauthenticated] itself, whatever was wrong, and holds nothing of the header. FromHeader changes nothing
// and is safe for concurrent use. Its sources are RFC 6750, section 2.1, RFC 7617, section 2, and RFC 9110, sections 11.1 and
// 11.6.2.
func FromHeader(values []string) (string, error) {
	// Whoever takes the first of two headers may take another than a proxy in front of it did. And what is long is refused
	// before it is decoded, so that it costs nothing.
	if len(values) != 1 || len(values[0]) > maxHeader {
		return "", hallpass.ErrUnauthenticated
	}
	token, ok := cutScheme(values[0], "Bearer ")
	if !ok {
		token, ok = fromBasic(values[0])
	}
	if !ok || !wellFormed(token) {
		return "", hallpass.ErrUnauthenticated
	}
	return token, nil
}

// fromBasic returns the password of the user under whose name git sends tokens. It may hold colons; a user name may not.
func fromBasic(value string) (password string, ok bool) {
	encoded, ok := cutScheme(value, "Basic ")
	if !ok {
		return "", false
	}
	// The decoder skips line breaks and stray bits at the end. Encoding again finds any second spelling, and what is no base64.
	decoded, _ := base64.StdEncoding.DecodeString(encoded)
	if base64.StdEncoding.EncodeToString(decoded) != encoded {
		return "", false
	}
	return strings.CutPrefix(string(decoded), "x-token-auth:")
}

// cutScheme returns value without the scheme that it begins with, in either case, and whether it does. As many bytes as the
// scheme has are compared, so that no rune of more than one byte that folds to an ASCII letter, such as a long s, fits in.
func cutScheme(value, scheme string) (rest string, ok bool) {
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return value, false
	}
	return value[len(scheme):], true
}

// wellFormed reports whether s is one or more visible ASCII characters without a comma. It sees bytes, never runes.
func wellFormed(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == ',' {
			return false
		}
	}
	return s != ""
}
