package sqlstore

import "github.com/hallpass-go/hallpass"

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

// A row is what a row of hallpass_tokens holds, whatever is in its columns.
type row struct {
	id, name, workspace, project, repository, scope, createdBy text
	createdAt, revokedAt                                       number
	replaces, replacedBy, extra                                text
	verifier, seal                                             digest
	keyID, format                                              number
}

// A text, a number and a digest take a column. Odd is one whose value is not of the type of its column.
type (
	text struct {
		v   string
		odd bool
	}
	number struct {
		v   int64
		odd bool
	}
	digest struct {
		v   [32]byte
		odd bool
	}
)

// scan reads a row through the Scan of a *sql.Row or *sql.Rows. An odd value makes the record one of an unknown format, which
// no Authority takes for good: it is dead, but it can be seen and ended.
func scan(from interface{ Scan(...any) error }) (*hallpass.Record, error) {
	var c row // one object, for all that Scan needs pointers to
	err := from.Scan(&c.id, &c.name, &c.workspace, &c.project, &c.repository, &c.scope, &c.createdBy, &c.createdAt, &c.revokedAt,
		&c.replaces, &c.replacedBy, &c.extra, &c.verifier, &c.seal, &c.keyID, &c.format)
	if err != nil {
		return nil, err
	}
	r := &hallpass.Record{
		Token: hallpass.Token{
			ID:         hallpass.ID(c.id.v),
			Name:       c.name.v,
			Resource:   resource(c.workspace.v, c.project.v, c.repository.v),
			CreatedBy:  c.createdBy.v,
			CreatedAt:  instant(c.createdAt.v),
			RevokedAt:  instant(c.revokedAt.v),
			Replaces:   hallpass.ID(c.replaces.v),
			ReplacedBy: hallpass.ID(c.replacedBy.v),
		},
		ScopeText: c.scope.v,
		Verifier:  c.verifier.v,
		Seal:      c.seal.v,
		KeyID:     uint64(c.keyID.v),
		Format:    uint8(c.format.v),
		Extra:     c.extra.v,
	}
	if c.odd() || int64(r.Format) != c.format.v {
		r.Format = 0
	}
	return r, nil
}

func (c *row) odd() bool {
	return c.id.odd || c.name.odd || c.workspace.odd || c.project.odd || c.repository.odd || c.scope.odd || c.createdBy.odd ||
		c.createdAt.odd || c.revokedAt.odd || c.replaces.odd || c.replacedBy.odd || c.extra.odd || c.verifier.odd || c.seal.odd ||
		c.keyID.odd || c.format.odd
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

func (t *text) Scan(v any) error {
	switch v := v.(type) {
	case string:
		t.v = v
	case []byte:
		t.v, t.odd = string(v), true
	default:
		t.odd = true
	}
	return nil
}

func (n *number) Scan(v any) error {
	i, ok := v.(int64)
	n.v, n.odd = i, !ok
	return nil
}

func (d *digest) Scan(v any) error {
	b, _ := v.([]byte)
	if d.odd = len(b) != len(d.v); !d.odd {
		copy(d.v[:], b)
	}
	return nil
}
