package hallpass

import (
	"context"
	"iter"
	"time"
)

// A Record is a [Token] as a [Store] keeps it, with what it takes to check its secret and to see that nobody edited it. It
// is immutable once handed over, both ways: neither a store nor an [Authority] changes one that the other has seen.
type Record struct {
	Token     Token    // its Scope is always zero here: a store has no Catalog
	ScopeText string   // the truth about the scope
	Verifier  [32]byte // the digest of ID and secret, hidden under the key; zero for a tombstone, which no secret opens
	Seal      [32]byte // the HMAC over all the rest
	KeyID     uint64   // of the key that Verifier and Seal are under; all 64 bits count
	Format    uint8    // of the sealed bytes; now 1
	Extra     string   // what imports and later versions add; stored verbatim; sealed
}

// A Store keeps records. It takes no decision: it sees no secret, reads no clock, and compares no digest but a stored Seal
// with that of [Change].Old. Every method is safe for concurrent use. A context that is done is an error in each, and
// Write then changes nothing.
//
// Texts are kept and compared byte for byte: no folding of case, no trimming, no truncation. Times are kept to the
// microsecond and given back in UTC, as [time.UnixMicro] makes them; the zero time stays the zero time. What a store cannot
// read back it gives as the zero value, so that the seal fails.
//
// Package storetest checks all of this. A store that also has a method Check(context.Context) error is asked by
// [Authority.Check].
type Store interface {
	// Get returns the record with this ID, or ErrNotFound. Any other error means that the store could not tell. It must not
	// retain id, which may share memory with a secret, nor return it: the record has its own.
	Get(ctx context.Context, id ID) (*Record, error)

	// Write makes all changes or none, and returns nil only when they will outlive a crash, as far as anything in the store
	// does. It reports ErrExists where a new ID is taken, ErrNotFound where an Old is gone, ErrConflict where
	// the stored Seal is not Old's, and what CheckChanges reports. A store that can make only one change at a time reports
	// errors.ErrUnsupported for more.
	Write(ctx context.Context, changes ...Change) error

	// List yields what q matches, in the order of IDs as bytes. It ends after an error. Each range over it reads anew. The store
	// can be used in between: nothing is held while it yields.
	List(ctx context.Context, q Query) iter.Seq2[*Record, error]
}

// A Change creates a record, where Old is nil, or replaces Old by New, which have the same ID. Of a record that is replaced,
// RevokedAt, ReplacedBy, Verifier, Seal, KeyID, Format and Extra may differ, and are written together; the rest never does.
type Change struct{ Old, New *Record }

// CheckChanges reports what is wrong with the arguments of a Write whatever the store holds, as an error that wraps [ErrInvalid]:
// a change without New, an Old and a New of different IDs, or two changes of one ID. Every store begins its Write with it.
func CheckChanges(changes []Change) error {
	for i, c := range changes {
		if c.New == nil {
			return invalidf("a change without New; a store never deletes")
		}
		if c.Old != nil && c.Old.Token.ID != c.New.Token.ID {
			return invalidf("a change of one ID into another; an ID is fixed")
		}
		for _, other := range changes[:i] {
			if other.New.Token.ID == c.New.Token.ID {
				return invalidf("two changes of one ID in one Write; make them one")
			}
		}
	}
	return nil
}

// A Query says which records [Store.List] yields. The zero Query matches nothing.
type Query struct {
	Within Resource // those bound to this resource or to what lies inside it; the zero Resource matches nothing
	Only   bool     // of these, only those bound to Within itself
	All    bool     // the whole store, whatever Within says: for Verify and Reseal
	After  ID       // only IDs greater than this one, byte by byte
	Limit  int      // at most so many; 0: no limit
}

// Matches reports whether q is meant to yield r, After included and Limit not. It is the one meaning of a query, for every
// store and its tests.
func (q Query) Matches(r *Record) bool {
	bound := r.Token.Resource.Identity()
	switch {
	case r.Token.ID <= q.After:
		return false
	case q.All:
		return true
	case q.Only:
		return bound.Kind() != 0 && bound == q.Within.Identity()
	}
	return q.Within.Contains(bound)
}

// A UseStore is a [Store] that keeps last-used times too, beside the records. It is optional. The times are a hint for
// people, which no decision reads.
type UseStore interface {
	// RecordUses notes that these tokens were used. A time that is older than the one it has changes nothing.
	RecordUses(ctx context.Context, uses []Use) error
	// LastUses returns what it has of these tokens, in any order, and nothing for those that it knows no use of.
	LastUses(ctx context.Context, ids []ID) ([]Use, error)
}

// A Use says when a token was last used, within about a minute.
type Use struct {
	ID ID
	At time.Time
}
