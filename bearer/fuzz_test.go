package bearer_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// What is accepted has one spelling: built again from its token it is what it was, but for the case of the scheme. And what is
// a token at all is accepted in both forms.
func FuzzFromHeader(f *testing.F) {
	for _, seed := range []string{
		"", " ", "Bearer", "Bearer ", "Bearer a", "bearer " + example, "BEARER  a", "Bearer a ", "Bearer a,b", "Bearer a\tb", "Bearer \u017f",
		"Basic ", "Basic Og==", basic("x-token-auth", example), "basic " + encode("x-token-auth:a"), basic(example, ""), basic("", example),
		basic("x-token-auth", "a:b"), basic("x-token-auth", "a,b"), "Basic eC10b2tlbi1hdXRoOmE", "Basic eC10b2tl\r\nbi1hdXRoOmE=",
		"Basic eC10b2tlbi1hdXRoOmF=", "Ba\u017fic " + encode("x-token-auth:a"), encode("x-token-auth:a"), "Token a", example,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		checkAccepted(t, value)
		if clean(value) && len(value) < 2000 {
			for _, form := range []string{"Bearer " + value, basic("x-token-auth", value)} {
				if token, err := bearer.FromHeader([]string{form}); err != nil || token != value {
					t.Fatalf("%q: %q, %v; it is a token", form, token, err)
				}
			}
		}
		if token, err := bearer.FromHeader([]string{value, value}); token != "" || err != hallpass.ErrUnauthenticated {
			t.Fatalf("twice %q: %q, %v", value, token, err)
		}
	})
}

func checkAccepted(t *testing.T, value string) {
	token, err := bearer.FromHeader([]string{value})
	if err != nil {
		if token != "" || err != hallpass.ErrUnauthenticated {
			t.Fatalf("%q: %q, %v; it is refused by nothing but ErrUnauthenticated", value, token, err)
		}
		return
	}
	if !clean(token) {
		t.Fatalf("%q: %q, which is empty or holds a space, a comma, a control or what is not ASCII", value, token)
	}
	if len(value) > 4096 {
		t.Fatalf("%d bytes were accepted", len(value))
	}
	scheme, credentials, _ := strings.Cut(value, " ")
	switch lower(scheme) {
	case "bearer":
		if credentials != token {
			t.Fatalf("%q: %q", value, token)
		}
	case "basic":
		if credentials != base64.StdEncoding.EncodeToString([]byte("x-token-auth:"+token)) {
			t.Fatalf("%q: %q, which is another spelling", value, token)
		}
	default:
		t.Fatalf("%q: %q, of another scheme", value, token)
	}
}

// clean reports whether s is one or more visible ASCII characters without a comma.
func clean(s string) bool {
	return s != "" && strings.Trim(s, visible) == ""
}

// lower folds ASCII only.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
