package sqlstore

import (
	"database/sql"

	"github.com/hallpass-go/hallpass"
)

// The columns of hallpass_tokens, in the order of scan and insert.
const columns = `id, name, workspace, project, repository, scope, created_by, created_at, revoked_at, replaces, replaced_by, extra, verifier, seal, key_id, format`

// The statements of a Store, in the writing of its database. Only IDs, the parts of a resource and digests are compared, with = and as
// parameters; lists go by the ID.
type statements struct {
	get, seal, create string

	// A seal that cannot be read is given as zero, and can be replaced as that. What is no blob sorts before all blobs.
	replace, replaceUnreadable string

	listAll, listWorkspace, listResource string
	recordUse                            string
}

func statementsOf(e engine) statements {
	const (
		list   = `SELECT ` + columns + ` FROM hallpass_tokens WHERE `
		update = `UPDATE hallpass_tokens SET revoked_at = ?, replaced_by = ?, extra = ?, verifier = ?, seal = ?, key_id = ?, format = ? WHERE id = ? AND `
		page   = `id > ? ORDER BY id LIMIT ?`
	)
	return statements{
		get:               e.rebind(list + `id = ?`),
		seal:              e.rebind(`SELECT seal FROM hallpass_tokens WHERE id = ?`),
		create:            e.rebind(`INSERT INTO hallpass_tokens (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
		replace:           e.rebind(update + `seal = ?`),
		replaceUnreadable: e.rebind(update + `(seal <= ? OR seal IS NULL OR length(seal) <> 32)`),
		listAll:           e.rebind(list + page),
		listWorkspace:     e.rebind(list + `workspace = ? AND ` + page),
		listResource:      e.rebind(list + `workspace = ? AND project = ? AND repository = ? AND ` + page),
		recordUse:         e.rebind(e.recordUse()),
	}
}

// scan reads a row through the Scan of a *sql.Row or *sql.Rows. A value that is not of its column's type makes the record one of
// an unknown format, which no Authority takes for good: it is dead, but it can be seen and ended.
func scan(row interface{ Scan(...any) error }) (*hallpass.Record, error) {
	var r hallpass.Record
	var workspace, project, repository string
	var id, replaces, replacedBy string
	var createdAt, revokedAt, keyID, format int64
	bad := false
	t := &r.Token
	err := row.Scan(text{&id, &bad}, text{&t.Name, &bad}, text{&workspace, &bad}, text{&project, &bad}, text{&repository, &bad},
		text{&r.ScopeText, &bad}, text{&t.CreatedBy, &bad}, number{&createdAt, &bad}, number{&revokedAt, &bad}, text{&replaces, &bad},
		text{&replacedBy, &bad}, text{&r.Extra, &bad}, digest{&r.Verifier, &bad}, digest{&r.Seal, &bad}, number{&keyID, &bad}, number{&format, &bad})
	if err != nil {
		return nil, err
	}
	t.ID, t.Replaces, t.ReplacedBy = hallpass.ID(id), hallpass.ID(replaces), hallpass.ID(replacedBy)
	t.Resource = resource(workspace, project, repository)
	t.CreatedAt, t.RevokedAt = instant(createdAt), instant(revokedAt)
	r.KeyID = uint64(keyID)
	if r.Format = uint8(format); bad || int64(r.Format) != format {
		r.Format = 0
	}
	return &r, nil
}

// resource returns the resource of a row, and the zero Resource for parts that make none.
func resource(workspace, project, repository string) hallpass.Resource {
	switch {
	case project == "" && repository == "":
		return hallpass.Workspace(workspace)
	case repository == "":
		return hallpass.Project(workspace, project)
	case project == "":
		return hallpass.Repository(workspace, repository)
	}
	return hallpass.Resource{}
}

// A text, a number and a digest take a column, whatever is in it.
type (
	text struct {
		to  *string
		bad *bool
	}
	number struct {
		to  *int64
		bad *bool
	}
	digest struct {
		to  *[32]byte
		bad *bool
	}
)

func (c text) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*c.to = v
	case []byte:
		*c.to = string(v)
	default:
		*c.bad = true
	}
	return nil
}

func (c number) Scan(v any) error {
	var n sql.NullInt64
	if n.Scan(v) != nil || !n.Valid {
		*c.bad = true
	}
	*c.to = n.Int64
	return nil
}

func (c digest) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(c.to) {
		*c.bad = true
		return nil
	}
	copy(c.to[:], b)
	return nil
}
