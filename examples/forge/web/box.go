package web

import (
	"sync"
	"time"

	"github.com/hallpass-go/hallpass"
)

const (
	secretLife = 2 * time.Minute
	maxSecrets = 1024
)

// A box keeps secrets between the request that makes a token and the page that shows it, in memory alone, for two minutes at most.
// The first showing takes a secret out.
type box struct {
	mu      sync.Mutex
	secrets map[slot]*kept
}

// A slot belongs to a session: the page of another one, be it of the same person, shows nothing.
type slot struct {
	session string
	token   hallpass.ID
}

type kept struct {
	secret hallpass.Secret
	since  time.Time
	end    *time.Timer // nobody may come
}

func newBox() *box { return &box{secrets: map[slot]*kept{}} }

func (b *box) put(session string, id hallpass.ID, secret hallpass.Secret) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.secrets) >= maxSecrets {
		b.drop(b.oldest())
	}
	at := slot{session, id}
	b.secrets[at] = &kept{secret, time.Now(), time.AfterFunc(secretLife, func() { b.take(session, id) })}
}

// take returns a secret and forgets it. It is the zero Secret, which reveals "", if there is none.
func (b *box) take(session string, id hallpass.ID) hallpass.Secret {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.drop(slot{session, id})
}

func (b *box) drop(at slot) hallpass.Secret {
	k := b.secrets[at]
	if k == nil {
		return hallpass.Secret{}
	}
	k.end.Stop()
	delete(b.secrets, at)
	return k.secret
}

func (b *box) oldest() (at slot) {
	since := time.Now()
	for a, k := range b.secrets {
		if !k.since.After(since) {
			at, since = a, k.since
		}
	}
	return at
}
