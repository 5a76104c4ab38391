package legacyhash

// GitLab returns the scheme of the personal, project and group access tokens of GitLab: a prefix, "glpat-" unless it was
// configured otherwise, and 20 characters, or the 27 to 300 of a routable token. The table keeps SHA-256 of the token and the first 32
// characters of db_key_base, in base64. Its name is "gitlab". Give [Scheme.Stored] the selector "" and the column token_digest. The
// LookupKey is as in [Fast].
//
// The error wraps [hallpass.ErrInvalid] if db_key_base has not 32 characters of ASCII, or the prefix or the LookupKey is not sound.
func GitLab(prefix, dbKeyBase string, lookup Key) (*Scheme, error) {
	const pepper = 32
	if len(dbKeyBase) < pepper || !visible(dbKeyBase[:pepper]) {
		return nil, invalidf("db_key_base; it has %d characters of ASCII or more", pepper)
	}
	return Fast{
		Name: "gitlab",
		Shapes: []Shape{
			{Prefix: prefix, Alphabet: Base64URL, Min: 20, Max: 20},
			{Prefix: prefix, Alphabet: Base64URL + ".", Min: 27, Max: 300},
		},
		Hash:      SHA256,
		After:     NewKey([]byte(dbKeyBase[:pepper])),
		Encoding:  Base64,
		LookupKey: lookup,
	}.Scheme()
}
