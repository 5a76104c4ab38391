package web

import (
	"errors"
	"fmt"
	"net/http"
)

// maxBody is more than any form of these pages needs.
const maxBody = 64 << 10

const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// secure puts around all pages what no single one may forget.
func (s *server) secure(next http.Handler) http.Handler {
	// A form of another site can be sent with the cookie of this one. The browser says where it comes from.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(s.page(func(http.ResponseWriter, *http.Request) error { return errForeign }))
	next = http.MaxBytesHandler(sameOrigin.Handler(s.recovering(next)), maxBody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recovering answers a panic as any other failure. Pages are rendered before the first byte is written, so there is still time.
func (s *server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p == http.ErrAbortHandler {
				panic(p)
			} else if p != nil {
				s.fail(w, r, fmt.Errorf("a panic: %v", p))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// parse reads the form in the body. What the URL says is no part of r.PostForm, and no handler reads another.
func parse(r *http.Request) error {
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if err != nil {
		return errUnreadable
	}
	return nil
}
