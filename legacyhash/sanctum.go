package legacyhash

import "strings"

// Sanctum returns the scheme of the tokens of Laravel Sanctum as they are handed out: the ID of the row, a bar, and the secret, of
// which the table keeps SHA-256 in hex. The secret is the prefix of Sanctum's configuration, as a rule "", and 40, 48 or 80
// letters and digits, as versions differ. Its name is "sanctum". Give [Scheme.Stored] the columns id and token.
//
// Sanctum also takes the secret alone, without the ID. Here a token has one spelling: that one is refused. Where secrets were handed
// out alone, see [SanctumWithoutID]. The error wraps [hallpass.ErrInvalid] if the prefix is not visible ASCII or has a bar.
func Sanctum(prefix string) (*Scheme, error) {
	if strings.Contains(prefix, "|") {
		return nil, invalidf("the prefix of Sanctum; it has no bar")
	}
	split := SplitAt("", "|")
	return Fast{
		Name:   "sanctum",
		Shapes: []Shape{{Alphabet: Alphanumeric + "-|" + prefix, Min: 1 + 1 + len(prefix) + 40, Max: 36 + 1 + len(prefix) + 80}},
		Split: func(text string) (selector, secret string, ok bool) {
			selector, secret, ok = split(text)
			return selector, secret, ok && len(selector) <= 36 && sanctumSecret(secret, prefix)
		},
		Hash:     SHA256,
		Encoding: Hex,
	}.Scheme()
}

// SanctumWithoutID is [Sanctum] for secrets that were handed out alone. Its name is "sanctum-secret", and the selector for
// [Scheme.Stored] is "". The LookupKey is as in [Fast].
func SanctumWithoutID(prefix string, lookup Key) (*Scheme, error) {
	if strings.Contains(prefix, "|") {
		return nil, invalidf("the prefix of Sanctum; it has no bar")
	}
	if err := checkLookup(lookup); err != nil {
		return nil, err
	}
	return Fast{
		Name:   "sanctum-secret",
		Shapes: []Shape{{Prefix: prefix, Alphabet: Alphanumeric, Min: 40, Max: 80}},
		Split: func(text string) (selector, secret string, ok bool) {
			return "", text, sanctumSecret(text, prefix)
		},
		Hash:      SHA256,
		Encoding:  Hex,
		LookupKey: lookup,
	}.Scheme()
}

// sanctumSecret reports whether s is a prefix, 40 or 80 random letters and digits, or 40 and a checksum of 8.
func sanctumSecret(s, prefix string) bool {
	body, ok := strings.CutPrefix(s, prefix)
	return ok && (len(body) == 40 || len(body) == 48 || len(body) == 80) && only(body, Alphanumeric)
}
