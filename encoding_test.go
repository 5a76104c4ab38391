package hallpass

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
)

// sealedByCryptobyte writes what the seal covers with another library, from the description alone.
func sealedByCryptobyte(r *Record) []byte {
	var b cryptobyte.Builder
	b.AddUint8(r.Format)
	t := r.Token
	for _, s := range []string{string(t.ID), t.Name, t.Resource.String(), r.ScopeText, t.CreatedBy, string(t.Replaces), string(t.ReplacedBy), r.Extra} {
		b.AddUint32(uint32(len(s)))
		b.AddBytes([]byte(s))
	}
	for _, at := range []time.Time{t.CreatedAt, t.RevokedAt} {
		if at.IsZero() {
			b.AddUint64(0)
		} else {
			b.AddUint64(uint64(at.UnixMicro()))
		}
	}
	b.AddUint64(r.KeyID)
	b.AddBytes(r.Verifier[:])
	return b.BytesOrPanic()
}

// fuzzed makes a record of what a fuzzer gives.
func fuzzed(kind byte, id, name, a, b, scope, by, replaces, replacedBy, extra string, created, revoked int64, keyID uint64, format byte, digests []byte) *Record {
	r := &Record{
		Token: Token{
			ID: ID(id), Name: name, CreatedBy: by, Replaces: ID(replaces), ReplacedBy: ID(replacedBy),
			CreatedAt: timeOf(created), RevokedAt: timeOf(revoked),
		},
		ScopeText: scope, Extra: extra, KeyID: keyID, Format: format,
	}
	r.Token.Resource = [...]Resource{{}, Workspace(a), Project(a, b), Repository(a, b)}[kind%4]
	copy(r.Verifier[:], digests)
	if len(digests) > 32 {
		copy(r.Seal[:], digests[32:])
	}
	return r
}

func FuzzSealedBytes(f *testing.F) {
	f.Add(byte(3), "id", "name", "acme", "api", "repository", "user-1", "", "", "", int64(1), int64(0), uint64(1<<63), byte(1), []byte{1}, byte(0), "x")
	f.Add(byte(1), "id", "na", "me", "", "repository", "user-1", "a", "b", "extra", int64(1), int64(-1), uint64(0), byte(0), bytes.Repeat([]byte{7}, 64), byte(9), "")
	f.Fuzz(func(t *testing.T, kind byte, id, name, a, b, scope, by, replaces, replacedBy, extra string, created, revoked int64, keyID uint64, format byte, digests []byte, at byte, other string) {
		again := func() *Record {
			return fuzzed(kind, id, name, a, b, scope, by, replaces, replacedBy, extra, created, revoked, keyID, format, digests)
		}
		r := again()
		if !bytes.Equal(r.appendSealed(nil), sealedByCryptobyte(r)) {
			t.Fatal("the sealed bytes are not those of the other encoding")
		}
		// One text of another record moved into this one, or the border between two moved: different records, different bytes.
		o := again()
		texts := []*string{(*string)(&o.Token.ID), &o.Token.Name, &o.ScopeText, &o.Token.CreatedBy, (*string)(&o.Token.Replaces), (*string)(&o.Token.ReplacedBy), &o.Extra}
		*texts[int(at)%7] += other
		if *o != *r && bytes.Equal(o.appendSealed(nil), r.appendSealed(nil)) {
			t.Fatal("two records with the same sealed bytes")
		}
		if from, to := texts[int(at)%7], texts[(int(at)+1)%7]; len(*from) > 0 {
			*to, *from = (*from)[len(*from)-1:]+*to, (*from)[:len(*from)-1]
			if *o != *r && bytes.Equal(o.appendSealed(nil), r.appendSealed(nil)) {
				t.Fatal("two records with the same sealed bytes")
			}
		}
		// The binary form holds all of it, and nothing else is read.
		text, err := r.MarshalBinary()
		require.NoError(t, err)
		var back Record
		require.NoError(t, back.UnmarshalBinary(text))
		assert.Equal(t, *r, back)
		assert.ErrorIs(t, back.UnmarshalBinary(append(text, 0)), ErrInvalid)
		assert.ErrorIs(t, back.UnmarshalBinary(text[:int(at)%len(text)]), ErrInvalid)
		assert.Equal(t, *r, back, "an error leaves the record as it was")
	})
}

func FuzzUnmarshalBinary(f *testing.F) {
	text, _ := fuzzed(3, "id", "name", "acme", "api", "repository", "user-1", "", "", "", 1, 0, 1, 1, nil).MarshalBinary()
	f.Add(text)
	f.Add([]byte{1, 1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Record
		if r.UnmarshalBinary(data) != nil {
			return
		}
		again, err := r.MarshalBinary()
		require.NoError(t, err)
		var back Record
		require.NoError(t, back.UnmarshalBinary(again))
		assert.Equal(t, r, back)
		if r.Token.Resource.Kind() != 0 && !bytes.Equal(again, data) {
			t.Error("two texts of one record")
		}
	})
}

func TestABinaryRecordOfAnotherVersionIsRefused(t *testing.T) {
	text, err := (&Record{}).AppendBinary([]byte("prefix"))
	require.NoError(t, err)
	assert.Equal(t, "prefix", string(text[:6]))
	text = text[6:]
	text[0] = 2
	err = (&Record{}).UnmarshalBinary(text)
	assert.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "version byte 1")
	assert.ErrorIs(t, (&Record{}).UnmarshalBinary(nil), ErrInvalid)
}

func TestAnUnreadableResourceBecomesTheZeroResource(t *testing.T) {
	text, err := (&Record{Token: Token{ID: "id", Resource: Workspace("acme")}}).MarshalBinary()
	require.NoError(t, err)
	text = bytes.Replace(text, []byte("workspace:acme"), []byte("workspace:ac/e"), 1)
	var r Record
	require.NoError(t, r.UnmarshalBinary(text))
	assert.Zero(t, r.Token.Resource)
	assert.Equal(t, ID("id"), r.Token.ID)
}

// Two Authorities that share keys, prefix and realm make the same digests, forever: these were made once and stay.
func TestDigestsAreThoseOfTheVector(t *testing.T) {
	material := make([]byte, 32)
	for i := range material {
		material[i] = byte(i)
	}
	keys, err := NewKeys(material)
	require.NoError(t, err)
	h := newHasher(keys.ring()[0], "hp", "production")
	r := fuzzed(3, "0123456789ABCDEFGHIJ", "deploy", "acme", "api", "repository", "user-1", "", "", "", 1, 0, h.keyID, 1, nil)
	r.Verifier = xor(digest("0123456789ABCDEFGHIJabcdefghijabcdefghijabcdefghijabcde"), h.pad(r.Token.ID))
	assert.Equal(t, vectorKeyID, h.keyID)
	assert.Equal(t, vectorVerifier, r.Verifier[:])
	seal := h.seal(r)
	assert.Equal(t, vectorSeal, seal[:])
}

// The vector was computed from the description in another language.
const vectorKeyID = uint64(0x1192bcacd70c4646)

var (
	vectorVerifier = unhex("10af220f9d66c145a27eff8747d8039102d3905582eff727d8b2d32432f33d14")
	vectorSeal     = unhex("f10737cf007dcf473f5170c0051f20d4fb0a21749337031c3da13f2bbef696e5")
)

func unhex(s string) []byte { return must(hex.DecodeString(s)) }
