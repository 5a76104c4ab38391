package host

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hallpass-go/hallpass"
)

// An Item is something that lies in a workspace, project or repository besides source: a pull request, a webhook, a pipeline.
type Item struct {
	ID        int64           `json:"id"`
	Body      json.RawMessage `json:"body"`
	CreatedBy string          `json:"created_by"` // the name of the token: what a token does is done in its name
	CreatedAt time.Time       `json:"created_on"`
}

const itemColumns = `SELECT id, body, created_by, created_at FROM items `

func itemFields(i *Item) []any {
	return []any{&i.ID, (*[]byte)(&i.Body), &i.CreatedBy, (*micros)(&i.CreatedAt)}
}

// Items lists a collection of what lies in a place.
func (h *Host) Items(ctx context.Context, place hallpass.Resource, collection string) ([]Item, error) {
	return list(ctx, h.DB, itemFields, itemColumns+`WHERE place = ? AND collection = ? ORDER BY id`, place.String(), collection)
}

// Item returns one item of a collection, or hallpass.ErrNotFound. An item of another place is not found: its number alone says nothing.
func (h *Host) Item(ctx context.Context, place hallpass.Resource, collection string, id int64) (Item, error) {
	items, err := list(ctx, h.DB, itemFields, itemColumns+`WHERE place = ? AND collection = ? AND id = ?`, place.String(), collection, id)
	if err != nil {
		return Item{}, err
	}
	if len(items) == 0 {
		return Item{}, hallpass.ErrNotFound
	}
	return items[0], nil
}

// AddItem adds an item to a collection.
func (h *Host) AddItem(ctx context.Context, place hallpass.Resource, collection string, body json.RawMessage, by string) (Item, error) {
	i := Item{Body: body, CreatedBy: by, CreatedAt: time.UnixMicro(time.Now().UnixMicro()).UTC()}
	result, err := h.DB.ExecContext(ctx, `INSERT INTO items (workspace, place, collection, body, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		place.Workspace(), place.String(), collection, string(body), by, i.CreatedAt.UnixMicro())
	if err != nil {
		return Item{}, err
	}
	i.ID, err = result.LastInsertId()
	return i, err
}

// ChangeItem gives an item of a collection another body, or reports hallpass.ErrNotFound.
func (h *Host) ChangeItem(ctx context.Context, place hallpass.Resource, collection string, id int64, body json.RawMessage) error {
	return h.one(ctx, `UPDATE items SET body = ? WHERE place = ? AND collection = ? AND id = ?`, string(body), place.String(), collection, id)
}

// DeleteItem deletes an item of a collection, or reports hallpass.ErrNotFound.
func (h *Host) DeleteItem(ctx context.Context, place hallpass.Resource, collection string, id int64) error {
	return h.one(ctx, `DELETE FROM items WHERE place = ? AND collection = ? AND id = ?`, place.String(), collection, id)
}

// one runs a statement that changes one row.
func (h *Host) one(ctx context.Context, query string, args ...any) error {
	result, err := h.DB.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return hallpass.ErrNotFound
}
