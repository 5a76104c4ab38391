package memstore

import (
	"cmp"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// An order keeps records sorted by ID, in runs of limited length, so that adding one moves few others.
type order struct {
	runs [][]*hallpass.Record // none empty
}

// runLength is how long a run may get before it is split. It costs 8 to 16 bytes a record.
const runLength = 512

// find returns the place of the first record whose ID is not less than id: its run, and its place there.
func (o *order) find(id hallpass.ID) (run, i int) {
	run, found := slices.BinarySearchFunc(o.runs, id, func(run []*hallpass.Record, id hallpass.ID) int { return cmp.Compare(run[0].Token.ID, id) })
	if !found && run > 0 {
		run-- // it may lie inside the run that begins before it
	}
	if run < len(o.runs) {
		i, _ = slices.BinarySearchFunc(o.runs[run], id, func(r *hallpass.Record, id hallpass.ID) int { return cmp.Compare(r.Token.ID, id) })
	}
	return run, i
}

// put adds r, or puts it in the place of the record with the same ID.
func (o *order) put(r *hallpass.Record) {
	if len(o.runs) == 0 {
		o.runs = [][]*hallpass.Record{{r}}
		return
	}
	at, i := o.find(r.Token.ID)
	run := o.runs[at]
	if i < len(run) && run[i].Token.ID == r.Token.ID {
		run[i] = r
		return
	}
	run = slices.Insert(run, i, r)
	o.runs[at] = run
	if len(run) > runLength {
		half := len(run) / 2
		o.runs[at] = slices.Clone(run[:half])
		o.runs = slices.Insert(o.runs, at+1, slices.Clone(run[half:]))
	}
}

// after returns up to n records with IDs greater than id.
func (o *order) after(id hallpass.ID, n int) []*hallpass.Record {
	page := make([]*hallpass.Record, 0, n)
	run, i := o.find(id)
	for ; run < len(o.runs) && len(page) < n; run, i = run+1, 0 {
		rest := o.runs[run][i:]
		if len(rest) > 0 && rest[0].Token.ID == id {
			rest = rest[1:]
		}
		page = append(page, rest[:min(len(rest), n-len(page))]...)
	}
	return page
}
