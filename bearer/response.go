package bearer

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// WriteError answers r with the status that [StatusCode] has for err. Call it before anything else is written to w, and write
// nothing afterwards. It ends no handler: return after it.
//
// The answer is the same, byte for byte, whatever is wrong with a token. Its texts are fixed, but for the
// message of [BadRequest]: that of err never goes out, for it may hold what a store says of itself. No cache may store it: Cache-Control is no-store, and Vary names Authorization.
//
//   - 401 asks for a Bearer token in WWW-Authenticate, and says invalid_token if r has an Authorization header.
//   - 403 says insufficient_scope there. For a [*hallpass.DeniedError] it also names, as scope, what the token lacks.
//   - 503 has a Retry-After.
//
// The body is JSON in the manner of Bitbucket. For a DeniedError its detail lists what the token lacks as required, and what it
// was granted, without what that implies, as granted. A denial out of reach says so, and names no resource. That a permission is
// not in required does not imply that the token has it for another resource.
//
// Git gets a sentence of text/plain, which it shows its user. Its first request carries no token, and it sends one only if it is
// asked for Basic, so that its 401 asks for this too. Git is known by its User-Agent, or by the end of the path.
//
// A nil err is a mistake of the caller, and answered by 500. WriteError returns no error, for nothing can be told to a client
// that is gone. It is safe for concurrent use with different w. Its sources are RFC 6750, section 3, RFC 7617, section 2, and
// RFC 9110, sections 10.2.3, 11.6.1 and 12.5.5.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeError(w, r, err, "hallpass")
}

// writeError is WriteError for another realm, which needs no escape in a quoted string.
func writeError(w http.ResponseWriter, r *http.Request, err error, realm string) {
	status := StatusCode(err)
	if err == nil {
		// Whoever writes an error has not done what was asked for. That must not look like a yes.
		status = http.StatusInternalServerError
	}
	var denied *hallpass.DeniedError // only of a 403: an error of another status may wrap one
	if status == http.StatusForbidden {
		denied, _ = errors.AsType[*hallpass.DeniedError](err)
	}
	git := fromGit(r)

	h := w.Header()
	setUncached(h)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length") // which the handler may have set for what it had in mind
	switch status {
	case http.StatusUnauthorized:
		challenge := bearerChallenge(realm, "")
		if len(r.Header.Values("Authorization")) > 0 {
			challenge = bearerChallenge(realm, "invalid_token")
		}
		h.Set("WWW-Authenticate", challenge)
		if git {
			h.Add("WWW-Authenticate", `Basic realm="`+realm+`"`)
		}
	case http.StatusForbidden:
		challenge := bearerChallenge(realm, "insufficient_scope")
		if needed := missing(denied); needed != "" {
			challenge += `, scope="` + needed + `"`
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	}

	message := messageOf(status, err, denied)
	body := []byte(message + "\n")
	if git {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		if needed := missing(denied); needed != "" && !denied.OutOfReach {
			body = append(body, "It needs: "+needed+"\n"...)
		}
	} else {
		h.Set("Content-Type", "application/json")
		body = jsonBody(message, denied)
	}
	w.WriteHeader(status)
	w.Write(body)
}

// setUncached forbids every cache to store the response. It says nothing of must-revalidate, which would permit a shared cache to
// store the answer to a request with an Authorization header (RFC 9111, section 3.5).
func setUncached(h http.Header) {
	h.Set("Cache-Control", "no-store")
	if !slices.Contains(h.Values("Vary"), "Authorization") {
		h.Add("Vary", "Authorization")
	}
}

// fromGit reports whether a git client sent r, or something that speaks its protocol.
func fromGit(r *http.Request) bool {
	return strings.HasPrefix(r.UserAgent(), "git/") ||
		strings.HasSuffix(r.URL.Path, "/info/refs") ||
		strings.HasSuffix(r.URL.Path, "/git-upload-pack") ||
		strings.HasSuffix(r.URL.Path, "/git-receive-pack")
}

func bearerChallenge(realm, code string) string {
	challenge := `Bearer realm="` + realm + `"`
	if code != "" {
		challenge += `, error="` + code + `"`
	}
	return challenge
}

// missing names what the token lacks, with a space between two. A host may have made the DeniedError itself, of what no catalog
// permits: if one of them would end a quoted string or a line, it is "".
func missing(denied *hallpass.DeniedError) string {
	if denied == nil {
		return ""
	}
	texts := make([]string, len(denied.Missing))
	for i, p := range denied.Missing {
		if texts[i] = string(p); !wellFormed(texts[i]) || strings.ContainsAny(texts[i], `"\`) {
			return ""
		}
	}
	return strings.Join(texts, " ")
}
