package legacyhash

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a hash may cost. A row of the old table decides on it, so there are bounds.
const (
	maxArgonMemory = 256 << 10 // KiB
	maxArgonTime   = 16
	maxArgonLanes  = 16
)

// parseArgon2id reads $argon2id$v=19$m=65536,t=2,p=1$salt$hash.
func parseArgon2id(stored string) (verify, error) {
	const bad = "an argon2id hash; it is $argon2id$v=19$m=,t=,p=$salt$hash of at most %d KiB, %d passes and %d lanes"
	invalid := invalidf(bad, maxArgonMemory, maxArgonTime, maxArgonLanes)
	parts := strings.Split(stored, "$")
	if len(parts) != 6 {
		return nil, invalid
	}
	var memory, time uint32
	var lanes uint8
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &lanes)
	// Written again, it is the same text: there was nothing that Sscanf let pass.
	if err != nil || n != 3 || fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, time, lanes, parts[4], parts[5]) != stored {
		return nil, invalid
	}
	salt, ok1 := decode64(base64.RawStdEncoding, parts[4])
	want, ok2 := decode64(base64.RawStdEncoding, parts[5])
	if !ok1 || !ok2 || len(salt) < 8 || len(salt) > maxSalt || len(want) < minOutput || len(want) > maxOutput ||
		lanes < 1 || lanes > maxArgonLanes || time < 1 || time > maxArgonTime || memory < 8*uint32(lanes) || memory > maxArgonMemory {
		return nil, invalid
	}
	return func(secret string) bool {
		have := argon2.IDKey([]byte(secret), salt, time, memory, lanes, uint32(len(want)))
		return subtle.ConstantTimeCompare(have, want) == 1
	}, nil
}
