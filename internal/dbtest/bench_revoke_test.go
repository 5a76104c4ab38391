package dbtest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// BenchmarkRevokeAll ends 100,000 tokens of a workspace, and reports for how long at most it kept a lock, and how long at most a check of a token of
// another workspace took meanwhile.
func BenchmarkRevokeAll(b *testing.B) {
	onEachEngine(b, func(b *testing.B, e engine) {
		const n = 100_000
		var total, held, check time.Duration
		for b.Loop() {
			keys, dsn := mustKeys(b, hallpass.GenerateKey()), e.fresh(b)
			db, spy := e.spied(b, dsn)
			db.SetMaxOpenConns(16)
			db.SetMaxIdleConns(16)
			locks := &locks{open: map[int]bool{}, since: map[int]time.Time{}}
			spy.around = locks.around
			a := hallpasstest.With(b, hallpass.Config{Store: e.store(b, db), Keys: keys})
			load(b, e, e.open(b, dsn), keys, n, repositories)
			_, text := issue(b, a, hallpass.Workspace("emca"))

			locks.longest = 0
			reader := watch(b, a, text)
			begin := time.Now()
			ended, err := a.RevokeAll(context.Background(), acme)
			total += time.Since(begin)
			check = max(check, reader())
			require.NoError(b, err)
			require.Equal(b, n, ended)
			held = max(held, locks.longest)
		}
		b.ReportMetric(float64(held.Microseconds())/1e3, "max-lock-ms")
		b.ReportMetric(float64(check.Microseconds())/1e3, "max-check-ms")
		b.ReportMetric(float64(n*b.N)/total.Seconds(), "tokens/s")
		b.ReportMetric(total.Seconds()/float64(b.N), "s/op")
		b.ReportMetric(0, "ns/op")
	})
}

// watch authorizes a token again and again, until the func that it returns is called, which returns how long the slowest took.
func watch(b *testing.B, a *hallpass.Authority, text string) (stop func() time.Duration) {
	b.Helper()
	done, slowest := make(chan struct{}), make(chan time.Duration)
	go func() {
		longest := time.Duration(0)
		for {
			select {
			case <-done:
				slowest <- longest
				return
			case <-time.After(time.Millisecond):
			}
			begin := time.Now()
			if _, err := a.Authorize(context.Background(), text, hallpass.Workspace("emca"), hallpass.RepositoryRead); err != nil {
				b.Errorf("a token of another workspace: %v", err)
			}
			longest = max(longest, time.Since(begin))
		}
	}()
	return func() time.Duration {
		close(done)
		return <-slowest
	}
}

// locks knows for how long at most a connection kept a lock: from when it sent the first statement that writes to when its transaction was over.
type locks struct {
	mu      sync.Mutex
	open    map[int]bool // transactions
	since   map[int]time.Time
	longest time.Duration
}

func (l *locks) around(s statement) (done func()) {
	word, _, _ := strings.Cut(strings.ToUpper(s.text), " ")
	l.mu.Lock()
	defer l.mu.Unlock()
	switch word {
	case "BEGINTX":
		l.open[s.conn] = true
	case "BEGIN", "UPDATE", "INSERT":
		if _, holds := l.since[s.conn]; !holds {
			l.since[s.conn] = time.Now()
		}
		if word == "BEGIN" {
			l.open[s.conn] = true
		}
		if !l.open[s.conn] {
			return func() { l.over(s.conn) }
		}
	case "COMMIT", "ROLLBACK":
		return func() { l.over(s.conn) }
	}
	return func() {}
}

func (l *locks) over(conn int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since, held := l.since[conn]; held {
		l.longest = max(l.longest, time.Since(since))
	}
	delete(l.open, conn)
	delete(l.since, conn)
}
