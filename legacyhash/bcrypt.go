package legacyhash

import (
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptLength  = 60
	maxBcryptCost = 16 // some seconds
	maxBcryptText = 72
)

// parseBcrypt reads $2a$10$ and 53 characters. $2x$ is of a faulty implementation, and $2$ of a forgotten one.
func parseBcrypt(stored string) (verify, error) {
	const bad = "a bcrypt hash; it is $2a$, $2b$ or $2y$, a cost of 4 to %d, and 53 characters"
	if len(stored) != bcryptLength || strings.IndexByte("aby", stored[2]) < 0 || stored[3] != '$' || stored[6] != '$' ||
		!only(stored[4:6], "0123456789") || !only(stored[7:], "./"+Alphanumeric) {
		return nil, invalidf(bad, maxBcryptCost)
	}
	hash := []byte(stored)
	if cost, err := bcrypt.Cost(hash); err != nil || cost > maxBcryptCost {
		return nil, invalidf(bad, maxBcryptCost)
	}
	return func(secret string) bool {
		// The package compares the first 72 bytes only, so that all texts which go on from there are good. And bcrypt repeats a
		// secret with a zero byte behind it, so that one which has such a byte in it may be that of another.
		if len(secret) > maxBcryptText || strings.IndexByte(secret, 0) >= 0 {
			return false
		}
		return bcrypt.CompareHashAndPassword(hash, []byte(secret)) == nil
	}, nil
}
