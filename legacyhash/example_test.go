package legacyhash_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/legacyhash"
	"github.com/hallpass-go/hallpass/memstore"
)

// A row is what the examples read from the old table, in whatever way a host reads tables.
type row struct {
	id, owner, name, repository string
	selector, salt, digest      string
	created                     time.Time
}

// grant says what a token of the old table is from now on: one repository, and what it may do there.
func (r row) grant() hallpass.Grant {
	return hallpass.Grant{
		Name:        r.name,
		CreatedBy:   r.owner,
		Resource:    hallpass.Repository("acme", r.repository),
		Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	}
}

// tokens yields the rows of the old table, with what digest makes of each.
func tokens(table []row, digest func(row) (hallpass.LegacyDigest, error)) iter.Seq2[hallpass.LegacyToken, error] {
	return func(yield func(hallpass.LegacyToken, error) bool) {
		for _, r := range table {
			d, err := digest(r)
			if !yield(hallpass.LegacyToken{Grant: r.grant(), CreatedAt: r.created, Digest: d}, err) {
				return
			}
		}
	}
}

// newPasses returns an Authority that knows the tokens of a scheme.
func newPasses(schemes ...*legacyhash.Scheme) *hallpass.Authority {
	known, err := legacyhash.New(legacyhash.Config{Schemes: schemes})
	if err != nil {
		panic(err)
	}
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: memstore.New(), Keys: keys, Legacy: known})
	if err != nil {
		panic(err)
	}
	return passes
}

// bring imports all, and prints what became of each.
func bring(passes *hallpass.Authority, all iter.Seq2[hallpass.LegacyToken, error]) {
	for result, err := range passes.Import(context.Background(), all, hallpass.ImportOptions{}) {
		if err != nil {
			fmt.Printf("row %d: %v\n", result.Row, err)
			continue
		}
		fmt.Printf("row %d: %s as %s\n", result.Row, result.Status, result.ID)
	}
}

// check prints what a text may do.
func check(passes *hallpass.Authority, text string) {
	api := hallpass.Repository("acme", "api")
	token, err := passes.Authorize(context.Background(), text, api, hallpass.RepositoryRead)
	fmt.Println(token.Name, err)
}

// Gitea keeps a salted hash, and the last eight digits of the token to find it by.
func ExampleGitea() {
	table := []row{{
		owner: "user-1", name: "deploy job", repository: "api", created: time.Unix(946687980, 0),
		selector: "e4efbf36", salt: "QuSiZr1byZ",
		digest: "2b3668e11cb82d3af8c6e4524fc7841297668f5008d1626f0ad3417e9fa39af84c268248b78c481daa7e5dc437784003494f",
	}}
	passes := newPasses(legacyhash.Gitea())
	all := tokens(table, func(r row) (hallpass.LegacyDigest, error) {
		return legacyhash.GiteaRow(r.selector, r.salt, r.digest)
	})
	bring(passes, all)
	bring(passes, all) // again, after it broke off
	check(passes, "d2c6c1ba3890b309189a8e618c72a162e4efbf36")
	// Output:
	// row 1: added as gitea:e4efbf36
	// row 1: present as gitea:e4efbf36
	// deploy job <nil>
}

// Laravel Sanctum hands out the ID of the row, a bar, and a secret, of which it keeps SHA-256.
func ExampleSanctum() {
	sanctum, err := legacyhash.Sanctum("")
	if err != nil {
		panic(err)
	}
	table := []row{{
		id: "17", owner: "user-1", name: "deploy job", repository: "api",
		digest: "49dce27a35d7c4207f1c42d7548e3ae58c7c5728213c13d4b5253572e4f80dca",
	}}
	passes := newPasses(sanctum)
	bring(passes, tokens(table, func(r row) (hallpass.LegacyDigest, error) { return sanctum.Stored(r.id, r.digest) }))
	check(passes, "17|0123456789abcdefghijABCDEFGHIJ0123456789")
	// Output:
	// row 1: added as sanctum:17
	// deploy job <nil>
}

// GitLab keeps SHA-256 of the token and the beginning of db_key_base. Nothing in a token says which row it is of, so its ID is an
// HMAC of the digest under a LookupKey: make one with hallpass.GenerateKey, and keep it with the other secrets.
func ExampleGitLab() {
	lookup := legacyhash.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	gitlab, err := legacyhash.GitLab("glpat-", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", lookup)
	if err != nil {
		panic(err)
	}
	table := []row{{owner: "user-1", name: "deploy job", repository: "api", digest: "X7HAASzc6TOYySxwkgIPrvYy0jKF7RKYc3s85OsTScw="}}
	passes := newPasses(gitlab)
	bring(passes, tokens(table, func(r row) (hallpass.LegacyDigest, error) { return gitlab.Stored("", r.digest) }))
	check(passes, "glpat-0123456789abcdefghij")
	// Output:
	// row 1: added as gitlab:d2284cdf3f5c93c6c13504f4d8275e49
	// deploy job <nil>
}

// Sourcegraph keeps SHA-256 of the bytes that the hex digits of a token stand for, as bytes.
func ExampleSourcegraph() {
	lookup := legacyhash.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	sourcegraph, err := legacyhash.Sourcegraph("local", lookup)
	if err != nil {
		panic(err)
	}
	table := []row{{owner: "user-1", name: "deploy job", repository: "api", digest: "\x7e\x74\xce\x75\xb5\xf2\xf8\x92\x40\xb3\x3a\xff\xf2\x41\xe2\x09\xf9\x8f\x7b\x89\x20\xaf\x1b\x57\x29\x57\xc8\xb0\x30\x43\x0d\x7a"}}
	passes := newPasses(sourcegraph)
	bring(passes, tokens(table, func(r row) (hallpass.LegacyDigest, error) { return sourcegraph.Stored("", r.digest) }))
	check(passes, "sgp_local_0123456789abcdef0123456789abcdef01234567")
	check(passes, "sgp_0123456789abcdef0123456789abcdef01234567")
	// Output:
	// row 1: added as sourcegraph:594dbcba0a3605d995cb3ea9019912db
	// deploy job <nil>
	// deploy job <nil>
}

// A table of the host's own, with bcrypt hashes: tokens such as acme_17_secret.
func ExampleBcryptTable() {
	acme, err := legacyhash.BcryptTable("acme", "acme_", "_")
	if err != nil {
		panic(err)
	}
	table := []row{
		{id: "17", owner: "user-1", name: "deploy job", repository: "api", digest: "$2a$06$PWQWjU.Iv9/x.Cz.NnR.huoIPlB5vQnOKbe31vlOQ..w7kkJsmNYi"},
		{id: "18", owner: "user-1", name: "nightly", repository: "api", digest: "not a hash"},
	}
	passes := newPasses(acme)
	bring(passes, tokens(table, func(r row) (hallpass.LegacyDigest, error) { return acme.Stored(r.id, r.digest) }))
	check(passes, "acme_17_0123456789abcdefghij") // this one is slow, and the last that is
	check(passes, "acme_17_0123456789abcdefghij")
	// Output:
	// row 1: added as acme:17
	// row 2: hallpass: invalid: a slow hash of a kind that is not known; it is bcrypt, argon2id or PBKDF2, see Slow
	// deploy job <nil>
	// deploy job <nil>
}

// Other tables are described. Here, tokens are id-secret, and SHA-256 of the secret is kept as bytes.
func ExampleFast() {
	coder, err := legacyhash.Fast{
		Name:     "coder",
		Shapes:   []legacyhash.Shape{{Alphabet: legacyhash.Alphanumeric + "-", Min: 33, Max: 33}},
		Split:    legacyhash.SplitAt("", "-"),
		Hash:     legacyhash.SHA256,
		Encoding: legacyhash.Raw,
	}.Scheme()
	if err != nil {
		panic(err)
	}
	table := []row{{id: "0123456789", owner: "user-1", name: "deploy job", repository: "api", digest: "\x26\x59\x4b\xa2\xc7\x3e\xbc\x17\x20\x47\xf2\x30\x56\x63\xbc\x2c\x5e\x6f\xf6\x0a\x88\x18\x2e\xef\x43\xe3\x53\xf4\x8f\xc9\x5b\x94"}}
	passes := newPasses(coder)
	bring(passes, tokens(table, func(r row) (hallpass.LegacyDigest, error) { return coder.Stored(r.id, r.digest) }))
	check(passes, "0123456789-0123456789abcdefghijkl")
	// Output:
	// row 1: added as coder:0123456789
	// deploy job <nil>
}
