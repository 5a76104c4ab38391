package legacyhash

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// An Encoding is how a table keeps digests. The zero one is refused.
type Encoding uint8

// The encodings that there are. Each has one spelling of a digest, but for the case of hex.
const (
	Hex       Encoding = iota + 1
	Base64             // standard, padded
	Base64Raw          // standard, without padding
	URL64              // for URLs, padded
	URL64Raw           // for URLs, without padding
	Raw                // the bytes themselves
)

// decode returns the bytes that stored is of.
func (e Encoding) decode(stored string) ([]byte, bool) {
	var codec *base64.Encoding
	switch e {
	case Raw:
		return []byte(stored), true
	case Hex:
		b, err := hex.DecodeString(stored)
		return b, err == nil
	case Base64:
		codec = base64.StdEncoding
	case Base64Raw:
		codec = base64.RawStdEncoding
	case URL64:
		codec = base64.URLEncoding
	case URL64Raw:
		codec = base64.RawURLEncoding
	default:
		return nil, false
	}
	return decode64(codec, stored)
}

// decode64 is strict: package base64 skips line breaks.
func decode64(codec *base64.Encoding, s string) ([]byte, bool) {
	b, err := codec.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}
