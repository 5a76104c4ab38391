// Package alerts takes the alerts of secret scanning, in the format of GitHub's partner program, and ends the tokens that they tell of:
// https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program.
package alerts

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/hallpass-go/hallpass"
)

// maxBody is how many bytes an alert may have, and maxAlerts how many tokens it may tell of.
const (
	maxBody   = 1 << 20
	maxAlerts = 1000
)

// Keys returns the public key with this identifier, or ErrUnknownKey. It is asked before a body is believed.
type Keys func(ctx context.Context, identifier string) (*ecdsa.PublicKey, error)

// ErrUnknownKey says that the sender has no such key.
var ErrUnknownKey = errors.New("unknown key")

// An alert tells of one text that was found.
type alert struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"`
}

// A verdict tells the sender whether a text was a token that could be used. It names it by its digest: no answer shows a secret.
type verdict struct {
	TokenHash string `json:"token_hash"`
	TokenType string `json:"token_type"`
	Label     string `json:"label"`
}

// Handler returns the handler of the webhook. It believes nothing that is not signed, over the very bytes that were sent. It needs no
// token: whoever holds a leaked secret may end it, and a signature keeps strangers from making it work.
//
// It answers 200 with a verdict for each alert once every live token of them is revoked. On 503 the sender has to try again.
func Handler(passes *hallpass.Authority, keys Keys) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "The alert could not be read; it has at most 1 MiB.", http.StatusRequestEntityTooLarge)
			return
		}
		switch err := verify(r, body, keys); {
		case errors.Is(err, errNotSigned), errors.Is(err, ErrUnknownKey):
			http.Error(w, "The alert is not signed by a key that is known.", http.StatusForbidden)
			return
		case err != nil:
			unavailable(w, "the key of an alert could not be had", err)
			return
		}
		var all []alert
		if err := json.Unmarshal(body, &all); err != nil || len(all) > maxAlerts {
			http.Error(w, "The alert is no JSON array of at most 1000 objects with a token, a type, a url and a source.", http.StatusBadRequest)
			return
		}
		verdicts, err := end(r.Context(), passes, all)
		if err != nil {
			unavailable(w, "a leaked token could not be revoked", err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(verdicts)
	})
}

// end revokes what was found. A failure does not keep the others from being ended: the sender tries again, and what is ended stays so.
func end(ctx context.Context, passes *hallpass.Authority, all []alert) ([]verdict, error) {
	verdicts, failed := []verdict{}, error(nil)
	for _, found := range all {
		label := "true_positive"
		token, err := passes.RevokeExposed(ctx, found.Token)
		switch {
		case errors.Is(err, hallpass.ErrUnavailable):
			failed = errors.Join(failed, err)
		case err != nil:
			label = "false_positive" // no live token has this secret: there is nothing left to do
		default:
			slog.Warn("a leaked token was revoked", "token", token, "url", found.URL, "source", found.Source)
		}
		digest := sha256.Sum256([]byte(found.Token))
		verdicts = append(verdicts, verdict{base64.StdEncoding.EncodeToString(digest[:]), found.Type, label})
	}
	return verdicts, failed
}

var errNotSigned = errors.New("not signed")

// verify checks the signature: ECDSA over P-256 and SHA-256, in base64.
func verify(r *http.Request, body []byte, keys Keys) error {
	identifier, ok1 := single(r.Header, "Github-Public-Key-Identifier")
	encoded, ok2 := single(r.Header, "Github-Public-Key-Signature")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !ok1 || !ok2 || err != nil {
		return errNotSigned
	}
	key, err := keys(r.Context(), identifier)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(body)
	if key == nil || !ecdsa.VerifyASN1(key, digest[:], signature) {
		return errNotSigned
	}
	return nil
}

// single returns the value of a header that comes once.
func single(h http.Header, name string) (string, bool) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

func unavailable(w http.ResponseWriter, what string, err error) {
	slog.Error(what, "error", err)
	w.Header().Set("Retry-After", "30")
	http.Error(w, "The alert cannot be dealt with at the moment: try again.", http.StatusServiceUnavailable)
}
