package cachestore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/cachestore"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

var api = hallpass.Repository("acme", "api")

// A database is a store whose reads are counted, and can be held up or made to fail.
type database struct {
	hallpass.Store
	reads atomic.Int64

	mu     sync.Mutex
	err    error
	after  chan struct{} // if set, a read has its answer and waits for this before it returns
	deaf   bool          // reads take no notice of their context
	inRead chan struct{} // gets something for each read that waits
}

func newDatabase() *database {
	return &database{Store: memstore.New(), inRead: make(chan struct{}, 1000)}
}

func (d *database) Get(ctx context.Context, id hallpass.ID) (*hallpass.Record, error) {
	d.reads.Add(1)
	d.mu.Lock()
	err, after, deaf := d.err, d.after, d.deaf
	d.mu.Unlock()
	if deaf {
		ctx = context.WithoutCancel(ctx)
	}
	if err != nil {
		return nil, err
	}
	r, err := d.Store.Get(ctx, id)
	if after != nil {
		d.inRead <- struct{}{}
		select {
		case <-after:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r, err
}

// fail makes all reads fail, or none.
func (d *database) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// hold makes reads wait when they have their answer, until the returned func is called.
func (d *database) hold() (release func()) {
	after := make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = after
	return func() {
		d.mu.Lock()
		d.after = nil
		d.mu.Unlock()
		close(after)
	}
}

// hurry lets the reads that come from now on go through while those that wait go on waiting.
func (d *database) hurry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.after = nil
}

// A replica is an Authority with a cache, and another is one without, on the same database and keys.
type replicas struct {
	db      *database
	cache   *cachestore.Store
	cached  *hallpass.Authority
	another *hallpass.Authority
}

func newReplicas(t testing.TB, maxStale time.Duration) *replicas {
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(t, err)
	r := &replicas{db: newDatabase()}
	r.cache, err = cachestore.New(r.db, cachestore.Config{MaxStale: maxStale})
	require.NoError(t, err)
	r.cached = hallpasstest.With(t, hallpass.Config{Store: r.cache, Keys: keys})
	r.another = hallpasstest.With(t, hallpass.Config{Store: r.db.Store, Keys: keys})
	return r
}

// issue issues a token elsewhere.
func (r *replicas) issue(t testing.TB) (hallpass.Token, string) {
	token, secret, err := r.another.Issue(t.Context(), hallpass.Grant{Name: "job", CreatedBy: "test", Resource: api, Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	require.NoError(t, err)
	return token, secret.Reveal()
}

// allows asks the cached replica.
func (r *replicas) allows(secret string) error {
	_, err := r.cached.Authorize(context.Background(), secret, api, hallpass.RepositoryRead)
	return err
}
