package hallpass

import (
	"encoding/binary"
	"time"
)

// format1 is the form of the sealed bytes that this version writes, and the only one that it knows.
const format1 = 1

// appendSealed appends what the seal covers: the format; each text with its length before it, so that no two records
// share an encoding; the times in microseconds, 0 for none; the key's ID; the verifier. All numbers are big-endian.
func (r *Record) appendSealed(b []byte) []byte {
	t := &r.Token
	b = append(b, r.Format)
	for _, s := range [...]string{
		string(t.ID), t.Name, t.Resource.String(), r.ScopeText, t.CreatedBy, string(t.Replaces), string(t.ReplacedBy), r.Extra,
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(micros(t.CreatedAt)))
	b = binary.BigEndian.AppendUint64(b, uint64(micros(t.RevokedAt)))
	b = binary.BigEndian.AppendUint64(b, r.KeyID)
	return append(b, r.Verifier[:]...)
}

// micros is how a time is sealed and stored: microseconds since 1970, and 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// timeOf is the inverse of micros.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// canonical reports whether the sealed bytes say all that r says. They do not tell of a part of a microsecond, of a time
// zone, or of where a repository lies; a record that has these was not made here.
func (r *Record) canonical() bool {
	t := &r.Token
	return t.Resource == t.Resource.Identity() && t.CreatedAt == timeOf(micros(t.CreatedAt)) && t.RevokedAt == timeOf(micros(t.RevokedAt))
}

// binaryVersion begins the text of AppendBinary.
const binaryVersion = 1

// AppendBinary appends r to b in a form that UnmarshalBinary reads: a version byte, what the seal covers, then the seal. A store
// without columns keeps this, and only this. Token.Scope is left out, and a time is cut to the microsecond. It reports no error.
func (r *Record) AppendBinary(b []byte) ([]byte, error) {
	b = r.appendSealed(append(b, binaryVersion))
	return append(b, r.Seal[:]...), nil
}

// MarshalBinary is AppendBinary to nil.
func (r *Record) MarshalBinary() ([]byte, error) { return r.AppendBinary(nil) }

// UnmarshalBinary reads what AppendBinary wrote, all of data and nothing else; otherwise it returns an error that wraps
// [ErrInvalid] and leaves r as it was. A resource that cannot be read becomes the zero Resource, and the seal will not hold.
// It keeps nothing of data.
func (r *Record) UnmarshalBinary(data []byte) error {
	d := decoder{rest: data, ok: true}
	version := d.bytes(1)
	if !d.ok || version[0] != binaryVersion {
		return invalidf("not a record: it begins with the version byte %d", binaryVersion)
	}
	var read Record
	t := &read.Token
	read.Format = d.bytes(1)[0]
	t.ID = ID(d.text())
	t.Name = d.text()
	t.Resource, _ = ParseResource(d.text())
	read.ScopeText = d.text()
	t.CreatedBy = d.text()
	t.Replaces = ID(d.text())
	t.ReplacedBy = ID(d.text())
	read.Extra = d.text()
	t.CreatedAt = timeOf(int64(d.number()))
	t.RevokedAt = timeOf(int64(d.number()))
	read.KeyID = d.number()
	copy(read.Verifier[:], d.bytes(32))
	copy(read.Seal[:], d.bytes(32))
	if !d.ok || len(d.rest) > 0 {
		return invalidf("not a record: it is cut short or goes on")
	}
	*r = read
	return nil
}

// A decoder reads from rest until something is missing; from then on it reads zeros.
type decoder struct {
	rest []byte
	ok   bool
}

func (d *decoder) bytes(n uint32) []byte {
	if d.ok = d.ok && uint64(n) <= uint64(len(d.rest)); !d.ok {
		return make([]byte, min(n, 32))
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) text() string   { return string(d.bytes(binary.BigEndian.Uint32(d.bytes(4)))) }
func (d *decoder) number() uint64 { return binary.BigEndian.Uint64(d.bytes(8)) }
