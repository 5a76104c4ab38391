package sqlstore

import (
	"fmt"
	"strings"
)

// The columns of hallpass_tokens, in the order of scan and insert.
const columns = `id, name, workspace, project, repository, scope, created_by, created_at, revoked_at, replaces, replaced_by, extra, verifier, seal, key_id, format`

// The statements of a Store, in the writing of its database. In them stands ? for bytes and # for a number. Only IDs, the parts of a resource and
// digests are compared, with = and as parameters; lists go by the ID.
type statements struct {
	get, seal, create string

	// A seal that cannot be read is given as zero, and can be replaced as that. What is no blob sorts before all blobs.
	replace, replaceUnreadable string

	listAll, listWorkspace, listResource string
	version                              string
}

func statementsOf(d Dialect) statements {
	e := d.engine()
	read := columns
	if e.sound != "" {
		read += ", " + e.sound
	}
	conditions := e.soundly
	if !d.lossy() {
		conditions = and(e.durably, conditions)
	}
	create := `VALUES (?, ?, ?, ?, ?, ?, ?, #, #, ?, ?, ?, ?, ?, #, #)`
	if conditions != "" {
		create = `SELECT ?, ?, ?, ?, ?, ?, ?, #, #, ?, ?, ?, ?, ?, #, # FROM (SELECT 1 AS one) AS one WHERE ` + conditions
	}
	list := `SELECT ` + read + ` FROM hallpass_tokens WHERE `
	listBy := func(index string) string {
		if e.force == "" {
			return list
		}
		return `SELECT ` + read + ` FROM hallpass_tokens ` + e.force + ` (` + index + `) WHERE `
	}
	update := `UPDATE hallpass_tokens SET revoked_at = #, replaced_by = ?, extra = ?, verifier = ?, seal = ?, key_id = #, format = # WHERE id = ? AND `
	const page = `id > ? ORDER BY id LIMIT #`
	return statements{
		get:               d.rebind(list + `id = ?`),
		seal:              d.rebind(`SELECT seal FROM hallpass_tokens WHERE id = ?`),
		create:            d.rebind(`INSERT INTO hallpass_tokens (` + columns + `) ` + create),
		replace:           d.rebind(update + and(`seal = ?`, conditions)),
		replaceUnreadable: d.rebind(update + and(`(seal <= ? OR seal IS NULL OR length(seal) <> 32)`, conditions)),
		listAll:           d.rebind(list + page),
		listWorkspace:     d.rebind(listBy(`hallpass_tokens_workspace`) + `workspace = ? AND ` + page),
		listResource:      d.rebind(listBy(`hallpass_tokens_resource`) + `workspace = ? AND project = ? AND repository = ? AND ` + page),
		version:           d.rebind(`SELECT COALESCE(MAX(version), 0) FROM hallpass_schema`),
	}
}

func and(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ` AND ` + b
}

// recordUses is the statement that notes n uses, each of an ID and a time, unless a later one is known.
func (d Dialect) recordUses(n int) string {
	return d.rebind(`INSERT INTO hallpass_uses (id, used_at) VALUES (?, #)` + strings.Repeat(`, (?, #)`, n-1) + ` ` + d.engine().later)
}

// lastUses is the statement that reads the uses of n IDs.
func (d Dialect) lastUses(n int) string {
	return d.rebind(`SELECT id, used_at FROM hallpass_uses WHERE id IN (?` + strings.Repeat(`, ?`, n-1) + `)`)
}

// rebind returns a statement in the writing of the database. None of them has a ? or a # of another meaning.
func (d Dialect) rebind(statement string) string {
	e := d.engine()
	var b strings.Builder
	n := 0
	for _, c := range d.named(statement) {
		switch {
		case c != '?' && c != '#':
			b.WriteRune(c)
			continue
		case !e.numbered:
			b.WriteByte('?')
		case c == '?':
			fmt.Fprintf(&b, "$%d::bytea", n+1)
		case c == '#':
			fmt.Fprintf(&b, "$%d::bigint", n+1)
		}
		n++
	}
	return b.String()
}
