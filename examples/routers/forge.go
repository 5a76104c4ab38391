package routers

import (
	"fmt"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// A Forge is what all the routers serve.
type Forge struct {
	Gate *bearer.Gate
	Find func(workspace, repository string) (hallpass.Resource, error) // a host asks its database
}

// NewForge returns the forge of acme, which has two repositories in a project each.
func NewForge(passes *hallpass.Authority) *Forge {
	return &Forge{Gate: &bearer.Gate{Authority: passes, Realm: "forge"}, Find: find}
}

func find(workspace, repository string) (hallpass.Resource, error) {
	switch {
	case workspace != "acme":
		return hallpass.Resource{}, bearer.NotFound(hallpass.Resource{})
	case repository == "api":
		return hallpass.Repository("acme", "api").In("core"), nil
	case repository == "site":
		return hallpass.Repository("acme", "site").In("web"), nil
	}
	return hallpass.Resource{}, bearer.NotFound(hallpass.Workspace("acme"))
}

// repository is the resource function of the routes: what a request is about.
func (f *Forge) repository(r *http.Request) (hallpass.Resource, error) {
	return f.Find(r.PathValue("workspace"), r.PathValue("repository"))
}

// show and run are what the routes are for. The token is in the context.
func (f *Forge) show(w http.ResponseWriter, r *http.Request) {
	token, _ := hallpass.FromContext(r.Context())
	fmt.Fprintf(w, "%s shown to %s", r.PathValue("repository"), token.ID)
}

func (f *Forge) run(w http.ResponseWriter, r *http.Request) {
	token, _ := hallpass.FromContext(r.Context())
	fmt.Fprintf(w, "%s run by %s", r.PathValue("repository"), token.ID)
}

func health(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "well") }
