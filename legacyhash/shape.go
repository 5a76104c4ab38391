package legacyhash

import (
	"fmt"
	"strings"

	"github.com/hallpass-go/hallpass"
)

// The alphabets of many tokens, for [Shape].
const (
	LowerHex     = "0123456789abcdef"
	Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	Base64URL    = Alphanumeric + "-_"
)

// A Shape is what some tokens look like: a prefix, then Min to Max characters out of an alphabet, and nothing else. The zero
// Shape is refused.
type Shape struct {
	Prefix   string // visible ASCII, or ""
	Alphabet string // visible ASCII, each once
	Min, Max int    // how many follow the prefix, with at most 1024 bytes in all
}

const maxText = 1024

// matches reports whether text looks like s.
func (s Shape) matches(text string) bool {
	rest, ok := strings.CutPrefix(text, s.Prefix)
	return ok && len(rest) >= s.Min && len(rest) <= s.Max && only(rest, s.Alphabet)
}

// overlaps reports whether some text may look like both.
func (s Shape) overlaps(t Shape) bool {
	if len(s.Prefix) > len(t.Prefix) {
		s, t = t, s
	}
	// What the longer prefix has more stands where the other shape has its alphabet.
	rest, ok := strings.CutPrefix(t.Prefix, s.Prefix)
	return ok && only(rest, s.Alphabet) && strings.ContainsAny(s.Alphabet, t.Alphabet) &&
		len(s.Prefix)+s.Min <= len(t.Prefix)+t.Max && len(t.Prefix)+t.Min <= len(s.Prefix)+s.Max
}

// check says what is wrong with s.
func (s Shape) check() error {
	switch {
	case !visible(s.Prefix) || !visible(s.Alphabet) || s.Alphabet == "":
		return invalidf("Shape.Prefix or Alphabet; they are visible ASCII, and an alphabet is not empty")
	case s.Min < 1 || s.Max < s.Min || len(s.Prefix)+s.Max > maxText:
		return invalidf("Shape.Min %d, Max %d; the first is 1 or more, the other no less, and a token has at most %d bytes", s.Min, s.Max, maxText)
	}
	return nil
}

// only reports whether all of s is in alphabet, byte by byte.
func only(s, alphabet string) bool {
	for i := range len(s) {
		if strings.IndexByte(alphabet, s[i]) < 0 {
			return false
		}
	}
	return true
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// SplitAt returns a Split for tokens such as 17.secret: the selector is what comes after the prefix and before the first
// separator, the secret all that follows. It panics if the separator is empty.
func SplitAt(prefix, separator string) func(text string) (selector, secret string, ok bool) {
	if separator == "" {
		panic("legacyhash: SplitAt with an empty separator")
	}
	return func(text string) (selector, secret string, ok bool) {
		rest, ok := strings.CutPrefix(text, prefix)
		if !ok {
			return "", "", false
		}
		return strings.Cut(rest, separator)
	}
}

// invalidf says what was wrong and what is right.
func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{hallpass.ErrInvalid}, args...)...)
}
