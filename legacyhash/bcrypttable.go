package legacyhash

// BcryptTable returns the scheme of a table of bcrypt hashes: a token is a prefix, which may be "", the ID of its row, a separator, and
// a secret of 16 to 72 characters, which alone was hashed. The ID is 1 to 64 of [0-9A-Za-z_-] without the separator. Give
// [Scheme.Stored] the ID and the hash. Where the whole token was hashed, or another hash was used, describe it with [Slow].
//
// The error wraps [hallpass.ErrInvalid] if the name is not that of a scheme, the separator is empty, or it or the prefix is not
// visible ASCII.
func BcryptTable(name, prefix, separator string) (*Scheme, error) {
	if separator == "" || !visible(separator) {
		return nil, invalidf("the separator of a bcrypt table; it is visible ASCII, and not empty")
	}
	const shortest, longest = 16, maxBcryptText
	split := SplitAt(prefix, separator)
	return Slow{
		Name:   name,
		Shapes: []Shape{{Prefix: prefix, Alphabet: visibleASCII, Min: 1 + len(separator) + shortest, Max: maxSelector + len(separator) + longest}},
		Split: func(text string) (selector, secret string, ok bool) {
			selector, secret, ok = split(text)
			return selector, secret, ok && len(secret) >= shortest && len(secret) <= longest
		},
	}.Scheme()
}

const visibleASCII = Alphanumeric + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
