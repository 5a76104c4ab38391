package sqlstore

import (
	"errors"
	"time"

	"github.com/hallpass-go/hallpass"
)

// A row is what a row of hallpass_tokens holds, whatever is in its columns.
type row struct {
	id, name, workspace, project, repository, scope, createdBy text
	createdAt, revokedAt                                       number
	replaces, replacedBy, extra                                text
	verifier, seal                                             digest
	keyID, format                                              number
	sound                                                      number
}

// A text, a number and a digest take a column. Odd is one whose value is not of the type of its column.
type (
	text struct {
		v      string
		odd    bool
		binary bool // it came as bytes
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
// no Authority takes for good: it is dead, but it can be seen and ended. A row that was found by its ID has one of the right type, or the
// database is another one.
func (e *engine) scan(from scanner, byID bool) (*hallpass.Record, error) {
	var c row // one object, for all that Scan needs pointers to
	fields := [...]any{&c.id, &c.name, &c.workspace, &c.project, &c.repository, &c.scope, &c.createdBy, &c.createdAt, &c.revokedAt,
		&c.replaces, &c.replacedBy, &c.extra, &c.verifier, &c.seal, &c.keyID, &c.format, &c.sound}
	n := len(fields)
	if e.sound == "" {
		n--
	}
	if err := from.Scan(fields[:n]...); err != nil {
		return nil, err
	}
	if e.sound != "" && c.sound.v != 1 {
		return nil, errPast
	}
	if byID && c.id.binary != e.binary {
		return nil, errDialect
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
	if c.odd(e.binary) || int64(r.Format) != c.format.v {
		r.Format = 0
	}
	return r, nil
}

// errPast is of a connection that reads what was, since a transaction of nobody's is open on it.
var errPast = errors.New("the connection has autocommit = 0, so what it reads may be of the past; set autocommit = 1")

// errDialect would otherwise be a row that was tampered with, and every row is.
var errDialect = errors.New("the database is of another dialect than the store, or the column id of another type than Migrate gives it; see Store.Check")

func (c *row) odd(binary bool) bool {
	for _, t := range [...]*text{&c.id, &c.name, &c.workspace, &c.project, &c.repository, &c.scope, &c.createdBy, &c.replaces, &c.replacedBy, &c.extra} {
		if t.odd || t.binary != binary {
			return true
		}
	}
	return c.createdAt.odd || c.revokedAt.odd || c.verifier.odd || c.seal.odd || c.keyID.odd || c.format.odd
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
		t.v, t.binary = string(v), true
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

// micros is how a time is stored: microseconds since 1970, and 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the inverse of micros.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
