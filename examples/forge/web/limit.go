package web

import (
	"crypto/sha256"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	loginWindow  = 5 * time.Minute
	perLogin     = 10 // failed logins in a window
	perAddress   = 30
	maxCounted   = 1 << 14 // logins and addresses that are counted; more push out others
	networkOfSix = 64      // an IPv6 address is one of the many that its user has
)

// A limiter counts failed logins for each login name and each address, and makes those wait who had too many. Whoever knows a login
// can keep its person out for a window; that is the price of a limit that guesses from many addresses do not get around.
type limiter struct {
	mu     sync.Mutex
	counts map[key]*count
}

type key [sha256.Size]byte // of a size that no request chooses

type count struct {
	n    int
	ends time.Time
}

func newLimiter() *limiter { return &limiter{counts: map[key]*count{}} }

// attempt counts a login as failed, or says how long to wait. A login that did not fail is forgiven: it is counted before, so that many
// at once are no way around.
func (l *limiter) attempt(login, remote string) (forgive func(), wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	name, address := l.count("login "+strings.ToLower(login), now), l.count("address "+network(remote), now)
	if name.n >= perLogin {
		return nil, name.ends.Sub(now)
	}
	if address.n >= perAddress {
		return nil, address.ends.Sub(now)
	}
	name.n++
	address.n++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		name.n--
		address.n--
	}, 0
}

// count returns the count of what, a new one if its window is over.
func (l *limiter) count(what string, now time.Time) *count {
	k := key(sha256.Sum256([]byte(what)))
	if c := l.counts[k]; c != nil && c.ends.After(now) {
		return c
	}
	if len(l.counts) >= maxCounted {
		l.makeRoom(now)
	}
	c := &count{ends: now.Add(loginWindow)}
	l.counts[k] = c
	return c
}

// makeRoom drops what is over, and if nothing is, any one.
func (l *limiter) makeRoom(now time.Time) {
	for k, c := range l.counts {
		if !c.ends.After(now) {
			delete(l.counts, k)
		}
	}
	for k := range l.counts {
		if len(l.counts) < maxCounted {
			return
		}
		delete(l.counts, k)
	}
}

// network returns what stands for the address of a connection. Behind a proxy that is the proxy: limit there, or let it say who asks.
func network(remote string) string {
	text, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Unmap().Is4() {
		return text
	}
	whole, err := address.WithZone("").Prefix(networkOfSix)
	if err != nil {
		return text
	}
	return whole.String()
}
