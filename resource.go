package hallpass

import "strings"

// A Kind says whether a [Resource] is a workspace, a project or a repository. The zero Kind is none of them.
type Kind uint8

// The three kinds of resource, and so of token.
const (
	WorkspaceKind Kind = iota + 1
	ProjectKind
	RepositoryKind
)

// String returns "workspace", "project" or "repository", and "" for any other value.
func (k Kind) String() string {
	switch k {
	case WorkspaceKind:
		return "workspace"
	case ProjectKind:
		return "project"
	case RepositoryKind:
		return "repository"
	}
	return ""
}

// A Resource is the identity of a workspace, of a project in one, or of a repository in one. A repository is identified
// within its workspace, never within a project, so that moving it between projects breaks none of its own tokens; [Resource.In]
// adds where it lies now.
//
// IDs are opaque: 1 to 128 bytes of visible ASCII without "/", and neither "." nor "..". They are compared byte for byte.
// Prefer IDs that are never used again, such as UUIDs, over names that may be.
//
// A Resource is a comparable value. The zero Resource is no resource: it contains nothing, nothing contains it, and no
// token can be bound to it. A constructor that is given a bad part returns it.
type Resource struct {
	// The fields that are set tell the kind: a repository has its ID (and perhaps the project that it lies in), a project has
	// no repository, a workspace has neither, and the zero Resource has no workspace.
	workspace, project, repository string
}

// Workspace returns the resource of the workspace with this ID, or the zero Resource if the ID is bad.
func Workspace(workspace string) Resource {
	if badID(workspace) {
		return Resource{}
	}
	return Resource{workspace: workspace}
}

// Project returns the resource of a project in a workspace, or the zero Resource if an ID is bad.
func Project(workspace, project string) Resource {
	if badID(workspace) || badID(project) {
		return Resource{}
	}
	return Resource{workspace: workspace, project: project}
}

// Repository returns the resource of a repository in a workspace, or the zero Resource if an ID is bad. It does not say in
// which project the repository lies: no project token reaches it until [Resource.In] does.
func Repository(workspace, repository string) Resource {
	if badID(workspace) || badID(repository) {
		return Resource{}
	}
	return Resource{workspace: workspace, repository: repository}
}

// In returns the repository r as lying in a project now, for tokens of that project to reach it. In("") is [Resource.Identity].
// For any other kind of resource, or a bad project ID, it returns the zero Resource.
//
// Take the project from your own database, never from the request: whoever may choose it can place any repository
// of the workspace under a project that he has a token for.
func (r Resource) In(project string) Resource {
	if r.repository == "" || project != "" && badID(project) {
		return Resource{}
	}
	r.project = project
	return r
}

// Kind returns the kind of r, and 0 for the zero Resource.
func (r Resource) Kind() Kind {
	switch {
	case r.repository != "":
		return RepositoryKind
	case r.project != "":
		return ProjectKind
	case r.workspace != "":
		return WorkspaceKind
	}
	return 0
}

// Workspace returns the ID of the workspace, of any kind of resource.
func (r Resource) Workspace() string { return r.workspace }

// Project returns the ID of a project, or of the project that a repository was said to lie in by [Resource.In], or "".
func (r Resource) Project() string { return r.project }

// Repository returns the ID of a repository, or "".
func (r Resource) Repository() string { return r.repository }

// Identity returns r without what [Resource.In] added.
func (r Resource) Identity() Resource {
	if r.repository != "" {
		r.project = ""
	}
	return r
}

// Contains reports whether other lies within r. A workspace contains itself and all in it, a project itself and the
// repositories that are In it, a repository itself. Reach goes down, never up or sideways. What In says of r itself
// does not matter; the zero Resource contains nothing and lies in nothing.
func (r Resource) Contains(other Resource) bool {
	switch {
	case r.workspace == "" || r.workspace != other.workspace:
		return false
	case r.repository != "":
		return r.repository == other.repository
	case r.project != "":
		return r.project == other.project
	}
	return true
}

// Validate returns nil for a resource, and an error that wraps [ErrInvalid] and says what is allowed for the zero Resource.
func (r Resource) Validate() error {
	if r.workspace == "" {
		return invalidf("the zero Resource: a part was bad or empty; each is %s", idRule)
	}
	return nil
}

// String returns "workspace:acme", "project:acme/core" or "repository:acme/api", without what [Resource.In] added, and
// "" for the zero Resource. [ParseResource] is its inverse.
func (r Resource) String() string {
	switch r.Kind() {
	case WorkspaceKind:
		return "workspace:" + r.workspace
	case ProjectKind:
		return "project:" + r.workspace + "/" + r.project
	case RepositoryKind:
		return "repository:" + r.workspace + "/" + r.repository
	}
	return ""
}

// ParseResource reads what [Resource.String] writes of a resource, and nothing else. Its error wraps [ErrInvalid] and
// says which part was bad.
func ParseResource(s string) (Resource, error) {
	kind, ids, _ := strings.Cut(s, ":")
	workspace, leaf, slash := strings.Cut(ids, "/")
	var r Resource
	switch {
	case kind == "workspace" && !slash:
		r = Resource{workspace: workspace}
	case kind == "project" && slash:
		r = Resource{workspace: workspace, project: leaf}
	case kind == "repository" && slash:
		r = Resource{workspace: workspace, repository: leaf}
	default:
		return Resource{}, invalidf(`not a resource: it is "workspace:W", "project:W/P" or "repository:W/R"`)
	}
	if badID(workspace) {
		return Resource{}, invalidf("not a resource: the workspace is bad; it is %s", idRule)
	}
	if slash && badID(leaf) {
		return Resource{}, invalidf("not a resource: the %s is bad; it is %s", kind, idRule)
	}
	return r, nil
}

// MarshalText returns the text of [Resource.String].
func (r Resource) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what [ParseResource] reads, with its errors. After an error r is as it was.
func (r *Resource) UnmarshalText(text []byte) error {
	parsed, err := ParseResource(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// maxLength is how many bytes an ID, a name or a creator may have.
const maxLength = 128

const idRule = `1 to 128 bytes of visible ASCII without "/", and neither "." nor ".."`

// badID reports whether s cannot be an ID. It sees bytes, never runes, and changes nothing.
func badID(s string) bool {
	if s == "" || len(s) > maxLength || s == "." || s == ".." {
		return true
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '/' {
			return true
		}
	}
	return false
}
