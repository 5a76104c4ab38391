// Package hallpass issues scoped access tokens to scripts and CI jobs, and checks them on every API call.
//
// A token is bound to one repository, project or workspace, not to a user. It carries a limited set of permissions, fixed
// when it is made. Its secret is shown once, and the database can show it to nobody. It does not expire: it stops when it is
// revoked, and it is replaced rather than recovered. It cannot be edited, cannot be used to log in, and can
// manage neither the workspace nor any token. The model is that of Bitbucket Cloud's access tokens.
//
// # Use
//
// An [Authority] issues and checks. It keeps its records in a [Store]: in memory (package memstore), in an SQL database
// (package sqlstore), or in the host's own, which package storetest checks.
//
//	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys})
//
//	token, secret, err := passes.Issue(ctx, hallpass.Grant{
//		Name:        "deploy job",
//		CreatedBy:   "user-1",
//		Resource:    hallpass.Repository("acme", "api"),
//		Permissions: []hallpass.Permission{hallpass.RepositoryWrite},
//	})
//
// The host's whole check is one call. Only a nil error means yes:
//
//	token, err := passes.Authorize(ctx, secret, hallpass.Repository("acme", "api").In("core"), hallpass.RepositoryWrite)
//
// [Authority.Revoke] ends a token, [Authority.Rotate] replaces it, [Authority.List] shows what there is. Package bearer reads tokens
// from HTTP requests and answers with the right status; package legacyhash lets tokens that were issued before go on working, after
// [Authority.Import]; package hallpasstest makes an Authority for a unit test.
//
// # Rules
//
//   - The zero value of every type denies. Absence never widens: an empty ID, scope or project is no wildcard, and there are no
//     wildcards.
//   - Reach goes down, never up or sideways. A project token reaches the repositories that lie in the project now, as the
//     host says with [Resource.In], out of its own database and never out of the request.
//   - Every permission that is asked for has to be permitted. What implies what is said by the [Catalog], in code.
//   - Malformed, unknown, wrong, revoked and tampered are one error, [ErrUnauthenticated]. The audit [Event] tells them apart.
//   - A store or a key that cannot be asked is [ErrUnavailable], which is neither no nor yes.
//   - Every record is sealed with a key that the database does not have. A row that is edited, moved or grafted is dead.
//
// # Compatibility
//
// From version 1 on, tokens and records that one version wrote are good in all later ones, nothing exported goes away or changes
// its meaning, and no release gives an existing token of the default catalog a permission that it did not have.
// Interfaces that hosts implement do not grow; optional ones are added beside them.
package hallpass
