package legacyhash_test

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/legacyhash"
	"github.com/hallpass-go/hallpass/memstore"
)

// A move, from the old table to tokens that go on working.
func Example() {
	ctx := context.Background()
	store := memstore.New()
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	if err != nil {
		panic(err)
	}

	// What the old tokens look like, and how their digests were made.
	sanctum, err := legacyhash.Sanctum("")
	if err != nil {
		panic(err)
	}
	known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{sanctum}})
	if err != nil {
		panic(err)
	}
	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys, Legacy: known})
	if err != nil {
		panic(err)
	}

	// The old table, as tokens of hallpass: you say what each is bound to and what it may do.
	table := []row{
		{id: "17", owner: "user-1", name: "deploy job", repository: "api", digest: "49dce27a35d7c4207f1c42d7548e3ae58c7c5728213c13d4b5253572e4f80dca"},
		{id: "18", owner: "user-1", name: "", repository: "api", digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
	}
	old := func(yield func(hallpass.LegacyToken, error) bool) {
		for _, r := range table {
			digest, err := sanctum.Stored(r.id, r.digest)
			token := hallpass.LegacyToken{Grant: r.grant(), CreatedAt: r.created, Digest: digest}
			if !yield(token, err) {
				return
			}
		}
	}

	// First to see what would become of them, then in earnest.
	for _, dry := range []bool{true, false} {
		report(passes.Import(ctx, old, hallpass.ImportOptions{DryRun: dry}))
	}

	// The check is the one for every token.
	token, err := passes.Authorize(ctx, "17|0123456789abcdefghijABCDEFGHIJ0123456789", hallpass.Repository("acme", "api"), hallpass.RepositoryRead)
	fmt.Println(token.ID, token.Name, err)
	// Output:
	// row 1: added sanctum:17
	// row 2: hallpass: invalid: Grant.Name; it is 1 to 128 bytes of valid UTF-8, every character printable, without space around it
	// row 1: added sanctum:17
	// row 2: hallpass: invalid: Grant.Name; it is 1 to 128 bytes of valid UTF-8, every character printable, without space around it
	// sanctum:17 deploy job <nil>
}

// report prints what became of each.
func report(results iter.Seq2[hallpass.ImportResult, error]) {
	for result, err := range results {
		switch {
		case errors.Is(err, hallpass.ErrUnavailable):
			fmt.Println("the store failed; run it again:", err)
		case err != nil:
			fmt.Printf("row %d: %v\n", result.Row, err)
		default:
			fmt.Printf("row %d: %v %s\n", result.Row, result.Status, result.ID)
		}
	}
}
