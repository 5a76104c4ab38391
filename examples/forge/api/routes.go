// Package api is the REST API of the forge, in the manner of Bitbucket Cloud. All that a token may do here is said in the table of
// Routes; the handlers come after the decision, and get what it was about.
package api

import (
	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// An API serves what lies in a host.
type api struct {
	*host.Host
	gate *bearer.Gate
}

// Routes registers the API on a mux. Everything that a request names is looked up in the host's tables, and so is the project in which a
// repository lies; the request has no say in it.
func Routes(m *bearer.Mux, h *host.Host) {
	a := &api{h, m.Gate}
	const (
		workspaces   = "/2.0/workspaces/{workspace}"
		project      = workspaces + "/projects/{project}"
		repositories = "/2.0/repositories/{workspace}"
		repository   = repositories + "/{repository}"
	)
	onRepository := bearer.On(a.repository, host.Repository.Resource)
	onProject := bearer.On(a.project, host.Project.Resource)
	onWorkspace := bearer.On(a.workspace, host.Workspace.Resource)

	// Repositories.
	m.List("GET "+repositories, a.listRepositories, hallpass.RepositoryRead)
	bearer.Handle(m, "POST "+repository, bearer.On(a.newRepository, newRepository.Resource).Needs(hallpass.RepositoryAdmin), a.createRepository)
	bearer.Handle(m, "GET "+repository, onRepository.Needs(hallpass.RepositoryRead), a.showRepository)
	bearer.Handle(m, "PUT "+repository, onRepository.Needs(hallpass.RepositoryAdmin), a.changeRepository)
	bearer.Handle(m, "DELETE "+repository, onRepository.Needs(hallpass.RepositoryDelete), a.deleteRepository)

	// Source. Comments and the results of builds are open to readers.
	bearer.Handle(m, "GET "+repository+"/src/{path...}", onRepository.Needs(hallpass.RepositoryRead), a.readSource)
	bearer.Handle(m, "POST "+repository+"/src", onRepository.Needs(hallpass.RepositoryWrite), a.commitSource)
	bearer.Handle(m, "GET "+repository+"/commits", onRepository.Needs(hallpass.RepositoryRead), a.listCommits)
	bearer.Handle(m, "GET "+repository+"/refs/branches", onRepository.Needs(hallpass.RepositoryRead), a.listBranches)
	bearer.Handle(m, "POST "+repository+"/refs/branches", onRepository.Needs(hallpass.RepositoryWrite), a.createBranch)
	bearer.Handle(m, "DELETE "+repository+"/refs/branches/{branch...}", onRepository.Needs(hallpass.RepositoryWrite), a.deleteBranch)
	bearer.Handle(m, "GET "+repository+"/commit/{commit}/comments", onRepository.Needs(hallpass.RepositoryRead), listItems[host.Repository](a, commitComments))
	bearer.Handle(m, "POST "+repository+"/commit/{commit}/comments", onRepository.Needs(hallpass.RepositoryRead), addItem[host.Repository](a, commitComments))
	bearer.Handle(m, "POST "+repository+"/commit/{commit}/statuses/build", onRepository.Needs(hallpass.RepositoryRead), addItem[host.Repository](a, buildStatuses))

	// Settings. What is named together is needed together.
	bearer.Handle(m, "GET "+repository+"/branch-restrictions", onRepository.Needs(hallpass.RepositoryAdmin), listItems[host.Repository](a, restrictions))
	bearer.Handle(m, "POST "+repository+"/branch-restrictions", onRepository.Needs(hallpass.RepositoryAdmin), addItem[host.Repository](a, restrictions))
	bearer.Handle(m, "GET "+repository+"/deploy-keys", onRepository.Needs(hallpass.RepositoryRead, hallpass.RepositoryAdmin), listItems[host.Repository](a, deployKeys))

	// Pull requests. Who opens one needs a right on two repositories: the one that it goes to, and the one that it comes from.
	bearer.Handle(m, "GET "+repository+"/pullrequests", onRepository.Needs(hallpass.PullRequestRead), listItems[host.Repository](a, pullRequests))
	bearer.Handle(m, "POST "+repository+"/pullrequests",
		bearer.On(a.newPullRequest, newPullRequest.Resource).Needs(hallpass.PullRequestWrite).And(newPullRequest.Source, hallpass.RepositoryRead), a.openPullRequest)
	bearer.Handle(m, "GET "+repository+"/pullrequests/{id}", onRepository.Needs(hallpass.PullRequestRead), showItem[host.Repository](a, pullRequests))
	bearer.Handle(m, "POST "+repository+"/pullrequests/{id}/comments", onRepository.Needs(hallpass.PullRequestRead), addTo[host.Repository](a, pullRequests, pullRequestComments))
	bearer.Handle(m, "POST "+repository+"/pullrequests/{id}/approve", onRepository.Needs(hallpass.PullRequestWrite), setState[host.Repository](a, pullRequests, "APPROVED"))
	bearer.Handle(m, "POST "+repository+"/pullrequests/{id}/decline", onRepository.Needs(hallpass.PullRequestWrite), setState[host.Repository](a, pullRequests, "DECLINED"))
	bearer.Handle(m, "POST "+repository+"/pullrequests/{id}/merge", onRepository.Needs(hallpass.PullRequestWrite), setState[host.Repository](a, pullRequests, "MERGED"))

	// Pipelines.
	bearer.Handle(m, "GET "+repository+"/pipelines", onRepository.Needs(hallpass.PipelineRead), listItems[host.Repository](a, pipelines))
	bearer.Handle(m, "POST "+repository+"/pipelines", onRepository.Needs(hallpass.PipelineWrite), addItem[host.Repository](a, pipelines))
	bearer.Handle(m, "POST "+repository+"/pipelines/{id}/stopPipeline", onRepository.Needs(hallpass.PipelineWrite), setState[host.Repository](a, pipelines, "STOPPED"))

	// A webhook tells of what is pushed, so whoever adds one also has to be allowed to read that.
	collection(m, a, repository+"/hooks", onRepository, hooks, hallpass.Webhook, hallpass.Webhook, hallpass.RepositoryRead)
	collection(m, a, repository+"/pipelines_config/variables", onRepository, variables, hallpass.PipelineRead, hallpass.PipelineVariable)
	collection(m, a, repository+"/pipelines-config/runners", onRepository, runners, hallpass.RunnerRead, hallpass.RunnerWrite)
	collection(m, a, workspaces+"/hooks", onWorkspace, hooks, hallpass.Webhook, hallpass.Webhook, hallpass.RepositoryRead)
	collection(m, a, workspaces+"/pipelines-config/variables", onWorkspace, variables, hallpass.PipelineRead, hallpass.PipelineVariable)
	collection(m, a, workspaces+"/pipelines-config/runners", onWorkspace, runners, hallpass.RunnerRead, hallpass.RunnerWrite)

	// Projects and the workspace.
	m.List("GET "+workspaces+"/projects", a.listProjects, hallpass.ProjectRead)
	bearer.Handle(m, "POST "+workspaces+"/projects", onWorkspace.Needs(hallpass.ProjectAdmin), a.createProject)
	bearer.Handle(m, "GET "+project, onProject.Needs(hallpass.ProjectRead), a.showProject)
	bearer.Handle(m, "PUT "+project, onProject.Needs(hallpass.ProjectAdmin), a.changeProject)
	bearer.Handle(m, "DELETE "+project, onProject.Needs(hallpass.ProjectAdmin), a.deleteProject)
	bearer.Handle(m, "GET "+workspaces+"/members", onWorkspace.Needs(hallpass.AccountRead), a.listMembers)

	// No token can hold what these need. They stand behind the same check all the same: one rule for all routes.
	bearer.Handle(m, "PUT "+workspaces, onWorkspace.Needs(hallpass.WorkspaceAdmin), a.changeWorkspace)
	bearer.Handle(m, "GET "+repository+"/access-tokens", onRepository.Needs(hallpass.TokenAdmin), a.listTokens)
	bearer.Handle(m, "POST "+repository+"/access-tokens", onRepository.Needs(hallpass.TokenAdmin), a.issueToken)

	// Any token may ask who it is and in which workspace.
	m.Authenticated("GET /2.0/user", a.whoAmI())
	m.Authenticated("GET "+workspaces, a.showWorkspace())
}

// A rule about T, to which permissions are added.
type rule[T any] = bearer.Rule[T]

// collection registers the three routes of something simple: to list what there is, to add one and to delete one.
func collection[T place](m *bearer.Mux, a *api, path string, on rule[T], c kind, read, write hallpass.Permission, also ...hallpass.Permission) {
	bearer.Handle(m, "GET "+path, on.Needs(read), listItems[T](a, c))
	bearer.Handle(m, "POST "+path, on.Needs(write, also...), addItem[T](a, c))
	bearer.Handle(m, "DELETE "+path+"/{id}", on.Needs(write), deleteItem[T](a, c))
}
