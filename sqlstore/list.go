package sqlstore

import (
	"context"
	"errors"
	"iter"

	"github.com/hallpass-go/hallpass"
)

// pageSize is how many rows List reads before it yields any, so that it holds no connection while it yields.
const pageSize = 500

// List yields what q matches, in the order of IDs.
func (s *Store) List(ctx context.Context, q hallpass.Query) iter.Seq2[*hallpass.Record, error] {
	return list(q, func(q hallpass.Query, limit int) (page []*hallpass.Record, err error) {
		err = s.retry(ctx, func() (err error) {
			page, err = s.page(ctx, s.db, "", q, limit)
			return err
		})
		return page, err
	})
}

// list yields what q matches of the pages that read returns.
func list(q hallpass.Query, read func(q hallpass.Query, limit int) ([]*hallpass.Record, error)) iter.Seq2[*hallpass.Record, error] {
	return func(yield func(*hallpass.Record, error) bool) {
		q, n, limit := q, 0, pageSize
		if q.Limit > 0 {
			limit = min(limit, q.Limit)
		}
		for {
			page, err := read(q, limit)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range page {
				if q.Matches(r) {
					if n++; !yield(r, nil) || n == q.Limit {
						return
					}
				}
			}
			if len(page) < limit {
				return
			}
			last := page[len(page)-1].Token.ID
			if last <= q.After {
				yield(nil, errOrder)
				return
			}
			q.After = last
		}
	}
}

// errOrder is of IDs that are not texts, which a database sorts in another way. Without it, such rows could make a list endless.
var errOrder = errors.New("the IDs of the table are not sorted as texts; somebody changed their type")

// page reads some rows that q may match, with what is to follow the statement.
func (s *Store) page(ctx context.Context, db querier, locking string, q hallpass.Query, limit int) (page []*hallpass.Record, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var args []any
	statement, w := s.sql.listAll, q.Within.Identity()
	switch {
	case q.All:
	case w.Kind() == 0:
		return nil, nil
	case w.Kind() == hallpass.WorkspaceKind && !q.Only:
		statement, args = s.sql.listWorkspace, s.texts(w.Workspace())
	default:
		statement, args = s.sql.listResource, s.texts(w.Workspace(), w.Project(), w.Repository())
	}
	args = append(args, s.engine.text(string(q.After)), int64(limit))
	err = each(ctx, db, statement+locking, args, func(row scanner) error {
		r, err := s.engine.scan(row, false)
		page = append(page, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// texts returns parameters.
func (s *Store) texts(texts ...string) (args []any) {
	for _, t := range texts {
		args = append(args, s.engine.text(t))
	}
	return args
}
