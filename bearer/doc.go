// Package bearer carries the tokens of hallpass in HTTP: it reads the one that a request presents, and answers when the
// request may not go on. It decides nothing itself: between the two stands [hallpass.Authority.Authorize].
//
//	func (s *server) push(w http.ResponseWriter, r *http.Request) {
//		secret, err := bearer.FromRequest(r)
//		if err == nil {
//			repository := hallpass.Repository("acme", r.PathValue("repository"))
//			_, err = s.passes.Authorize(r.Context(), secret, repository, hallpass.RepositoryWrite)
//		}
//		if err != nil {
//			bearer.WriteError(w, r, err)
//			return
//		}
//		// The token may do it.
//	}
//
// # Rules
//
//   - A token comes in the one Authorization header and nowhere else. What is in a URL ends up in logs, in histories and in
//     Referer headers, and what is in a cookie is sent by a browser that was tricked into it.
//   - It comes as Bearer, or as the password of the user x-token-auth in Basic, which is how git sends it. Both give the same text,
//     so that the same checks follow.
//   - Each token has one spelling in each form. Nothing is trimmed, folded, joined or guessed.
//   - Whatever is wrong with a token, the answer is the same, byte for byte.
//   - No answer shows a secret, an error's text, or a resource. None may be stored by a cache.
//
// # For clients
//
// Send tokens over TLS only. Give one to git by a credential helper, not in the URL of the remote, which git keeps in a file and
// shows. An HTTP client that follows a redirect to another host has to drop the Authorization header, as that of Go
// does: nothing on the server's side can.
package bearer
