package hallpass

import "sync"

// The permissions of the default catalog, [Bitbucket], with the names that Bitbucket Cloud gives them as OAuth scopes. Each
// says what it grants besides itself; where nothing is said, it grants nothing else.
const (
	// RepositoryRead lets one read source, clone, and read and write commit comments, build statuses and reports.
	// It does not imply reading pull requests.
	RepositoryRead Permission = "repository"
	// RepositoryWrite lets one push, create branches and tags, and fork. It grants RepositoryRead, and nothing of pull requests.
	RepositoryWrite Permission = "repository:write"
	// RepositoryAdmin lets one create repositories and change their settings. It does not imply reading or writing their content, nor deleting them.
	RepositoryAdmin Permission = "repository:admin"
	// RepositoryDelete lets one delete a repository. It implies nothing.
	RepositoryDelete Permission = "repository:delete"
	// PullRequestRead lets one read pull requests and comment on them. It grants RepositoryRead.
	PullRequestRead Permission = "pullrequest"
	// PullRequestWrite lets one create, approve, decline and merge pull requests. Merging writes, so it grants
	// PullRequestRead, RepositoryWrite and RepositoryRead.
	PullRequestWrite Permission = "pullrequest:write"
	// Webhook lets one read and write webhooks. Subscribing to events also needs the permission to read what they tell of.
	Webhook Permission = "webhook"
	// PipelineRead lets one read pipelines, their steps, environments and variables.
	PipelineRead Permission = "pipeline"
	// PipelineWrite lets one run, rerun and stop pipelines. It implies neither PipelineRead nor PipelineVariable.
	PipelineWrite Permission = "pipeline:write"
	// PipelineVariable lets one write pipeline variables, of the repository or the workspace that the token is bound to.
	PipelineVariable Permission = "pipeline:variable"
	// RunnerRead lets one read runners.
	RunnerRead Permission = "runner"
	// RunnerWrite lets one create, change, disable and delete runners. It does not imply RunnerRead.
	RunnerWrite Permission = "runner:write"
	// ProjectRead lets one see projects. It grants RepositoryRead on the repositories within reach. No repository token may hold it.
	ProjectRead Permission = "project"
	// ProjectAdmin lets one create, change and delete projects. It implies neither ProjectRead nor anything of repositories.
	// Only a workspace token may hold it.
	ProjectAdmin Permission = "project:admin"
	// AccountRead lets one list the members of a workspace. Only a workspace token may hold it.
	AccountRead Permission = "account"
	// WorkspaceAdmin is what it takes to change the workspace, its members, their permissions or its plan. No token may ever hold it.
	WorkspaceAdmin Permission = "workspace:admin"
	// TokenAdmin is what it takes to issue, list or revoke tokens. No token may ever hold it.
	TokenAdmin Permission = "token:admin"
)

// Bitbucket returns the default catalog: what an access token of Bitbucket Cloud may hold, and two permissions that none may.
// It is always the same pointer. Its golden file is append-only: no release gives a permission a new implication or
// another kind of token, so that no token that is out ever gains a right.
func Bitbucket() *Catalog { return bitbucket() }

var bitbucket = sync.OnceValue(func() *Catalog {
	any := []Kind{WorkspaceKind, ProjectKind, RepositoryKind}
	projects := []Kind{WorkspaceKind, ProjectKind}
	workspaces := []Kind{WorkspaceKind}
	catalog, err := NewCatalog(
		Definition{Permission: RepositoryRead, Kinds: any, Summary: "Read source code and clone"},
		Definition{Permission: RepositoryWrite, Kinds: any, Implies: []Permission{RepositoryRead}, Summary: "Push, and create branches and tags"},
		Definition{Permission: RepositoryAdmin, Kinds: any, Summary: "Create repositories and change their settings"},
		Definition{Permission: RepositoryDelete, Kinds: any, Summary: "Delete repositories"},
		Definition{Permission: PullRequestRead, Kinds: any, Implies: []Permission{RepositoryRead}, Summary: "Read and comment on pull requests"},
		Definition{Permission: PullRequestWrite, Kinds: any, Implies: []Permission{PullRequestRead, RepositoryWrite}, Summary: "Create, approve and merge pull requests"},
		Definition{Permission: Webhook, Kinds: any, Summary: "Read and write webhooks"},
		Definition{Permission: PipelineRead, Kinds: any, Summary: "Read pipelines and their variables"},
		Definition{Permission: PipelineWrite, Kinds: any, Summary: "Run and stop pipelines"},
		Definition{Permission: PipelineVariable, Kinds: any, Summary: "Write pipeline variables"},
		Definition{Permission: RunnerRead, Kinds: any, Summary: "Read runners"},
		Definition{Permission: RunnerWrite, Kinds: any, Summary: "Create, change and delete runners"},
		Definition{Permission: ProjectRead, Kinds: projects, Implies: []Permission{RepositoryRead}, Summary: "See projects and read their repositories"},
		Definition{Permission: ProjectAdmin, Kinds: workspaces, Summary: "Create, change and delete projects"},
		Definition{Permission: AccountRead, Kinds: workspaces, Summary: "List the members of the workspace"},
		Definition{Permission: WorkspaceAdmin, Summary: "Change the workspace, its members, permissions and plan (never by token)"},
		Definition{Permission: TokenAdmin, Summary: "Issue, list and revoke tokens (never by token)"},
	)
	return must(catalog, err)
})

// must is for what is fixed in the code of this package and tested with it.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
