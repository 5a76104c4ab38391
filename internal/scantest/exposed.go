package scantest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"

	"github.com/hallpass-go/hallpass"
)

// Live answers TruffleHog. It says no more than your API says to whoever has the token, but let only your scanners reach it. It
// counts as a use of the token.
func Live(passes *hallpass.Authority) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var found struct{ Hallpass struct{ Token []string } }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&found)
		if err != nil || len(found.Hallpass.Token) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, err = passes.Authenticate(r.Context(), found.Hallpass.Token[0])
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case errors.Is(err, hallpass.ErrUnauthenticated):
			w.WriteHeader(http.StatusGone)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
}

// EndExposed ends the live tokens that stand in text, and returns them: tell who made them. After an error, call it again.
func EndExposed(ctx context.Context, passes *hallpass.Authority, text string) (ended []hallpass.Token, err error) {
	for _, candidate := range regexp.MustCompile(passes.Pattern()).FindAllString(text, -1) {
		if !passes.Recognizes(candidate) {
			continue // it only looks like a token
		}
		token, err := passes.RevokeExposed(ctx, candidate)
		if errors.Is(err, hallpass.ErrUnauthenticated) {
			continue // there is no live token with this secret
		}
		if err != nil {
			return ended, err
		}
		ended = append(ended, token)
	}
	return ended, nil
}
