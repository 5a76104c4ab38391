package routers

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/hallpass-go/hallpass"
)

// Chi serves the forge with chi, whose middleware is that of the standard library.
//
// Give Require to With, for each route, and not to Use: what a route needs differs, and middleware of Use runs before a pattern of its router is
// matched. It sees no path values yet, so that every token would be denied. chi matches the path as it was sent: a path value may still
// be escaped, and what is looked up by it is then not found.
func Chi(f *Forge) http.Handler {
	r := chi.NewRouter()
	r.Get("/health", health)
	r.With(f.Gate.Require(f.repository, hallpass.RepositoryRead)).Get("/repositories/{workspace}/{repository}", f.show)
	r.With(f.Gate.Require(f.repository, hallpass.PipelineWrite)).Post("/repositories/{workspace}/{repository}/pipelines", f.run)
	return r
}
