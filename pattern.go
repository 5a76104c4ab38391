package hallpass

import "fmt"

// Pattern returns the regular expression, in RE2 syntax, of every token that this Authority issues, for tools that look for leaked
// secrets in code and logs: docs/scanning has rules for them. It has no groups: a whole match is a whole token. It ends at
// word boundaries, so that what is longer, or is glued to a letter, a digit or an underscore, does not match.
//
// A match is only a candidate: [Authority.Recognizes] checks its checksum, and only the store knows whether there is such a
// token. Tokens that [Authority.Import] brought here look otherwise and are not in it. It is safe for concurrent use.
func (a *Authority) Pattern() string {
	return fmt.Sprintf(`\b%s[0-9A-Za-z]{%d}\b`, a.format, bodyLength+checksumLength)
}
