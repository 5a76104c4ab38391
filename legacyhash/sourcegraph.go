package legacyhash

import (
	"encoding/hex"
	"strings"
)

// Sourcegraph returns the scheme of the access tokens of Sourcegraph: sgp_, or sgp_ and the identifier of the instance and _, then 40
// hex digits. The table keeps SHA-256 of the 20 bytes that these stand for, as bytes. Its name is "sourcegraph". Give
// [Scheme.Stored] the selector "" and the column value_sha256. The LookupKey is as in [Fast].
//
// Both spellings of a token are good, as they are in Sourcegraph; that with another instance is refused. The instance is "" where
// there is none. The error wraps [hallpass.ErrInvalid] if it is not letters and digits, or the LookupKey is not sound.
func Sourcegraph(instance string, lookup Key) (*Scheme, error) {
	if !only(instance, Alphanumeric) {
		return nil, invalidf("the instance of Sourcegraph; it has letters and digits")
	}
	if err := checkLookup(lookup); err != nil {
		return nil, err
	}
	shapes := []Shape{{Prefix: "sgp_", Alphabet: LowerHex, Min: 40, Max: 40}}
	if instance != "" {
		shapes = append(shapes, Shape{Prefix: "sgp_" + instance + "_", Alphabet: LowerHex, Min: 40, Max: 40})
	}
	return Fast{
		Name:   "sourcegraph",
		Shapes: shapes,
		Split: func(text string) (selector, secret string, ok bool) {
			raw, err := hex.DecodeString(text[strings.LastIndexByte(text, '_')+1:])
			return "", string(raw), err == nil
		},
		Hash:      SHA256,
		Encoding:  Raw,
		LookupKey: lookup,
	}.Scheme()
}
