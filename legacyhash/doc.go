// Package legacyhash lets a host go on with the tokens that it issued before it had hallpass: those of a table of Gitea, Laravel
// Sanctum, GitLab or Sourcegraph, of a table of bcrypt hashes, or of the host's own. Nobody has to be given a new one.
//
//	gitea := legacyhash.Gitea()
//	known, err := legacyhash.New(legacyhash.Config{Schemes: []*legacyhash.Scheme{gitea}})
//	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys, Legacy: known})
//	for result, err := range passes.Import(ctx, rows, hallpass.ImportOptions{}) {
//
// A [Scheme] says what the tokens look like and how their digests were made. A fast one ([Fast]) gives the same digest for a token
// always; a slow one ([Slow]) has a salt in each stored hash and takes much time on purpose, until the token was used once: then
// hallpass keeps a digest of its own. A [Set] of schemes is what [hallpass.Config] takes.
//
// What a token looks like is taken strictly: nothing is trimmed or folded. Hashing, of slow hashes, is bounded in how much
// there is at once, and in how often one token may be guessed at.
package legacyhash
