package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hallpass-go/hallpass"
)

// ciJob is what the CI job of the company acme asks of the forge, and what each request should be answered:
//
//	j.want(403, "api-build", "POST /repositories/acme/worker/src", "a sibling repository")
//
// In workspace acme the repositories api and worker lie in project CORE, docs and prototype in project SITE. The workspace globex
// is somebody else's, and has a repository api in a project CORE, too.
func ciJob(j *job) error {
	for _, part := range []func(*job) error{
		issuing, repositoryTokens, reach, projectTokens, workspaceTokens, listing, strangers,
		moving, rotating, revoking, tampering, deleting,
	} {
		if err := part(j); err != nil {
			return err
		}
	}
	return nil
}

func issuing(j *job) error {
	j.heading("Tokens are issued", "One for each application. Each is bound to one repository, project or workspace, and cannot be changed.")
	return errors.Join(
		j.issue("api-build", "repository acme/api", hallpass.RepositoryWrite, hallpass.PipelineWrite),
		j.issue("api-review", "repository acme/api", hallpass.PullRequestWrite),
		j.issue("api-setup", "repository acme/api", hallpass.Webhook, hallpass.PipelineVariable),
		j.issue("prototype", "repository acme/prototype", hallpass.RepositoryRead),
		j.issue("core-nightly", "project acme/CORE", hallpass.ProjectRead, hallpass.PipelineWrite),
		j.issue("site-publish", "project acme/SITE", hallpass.RepositoryRead),
		j.issue("acme-ops", "workspace acme",
			hallpass.ProjectRead, hallpass.ProjectAdmin, hallpass.AccountRead, hallpass.PipelineVariable, hallpass.RepositoryDelete),
	)
}

func repositoryTokens(j *job) error {
	j.heading("Repository tokens", "A token may do what its scope says, and what that implies. Nothing else.")
	j.want(200, "api-build", "GET /repositories/acme/api", "")
	j.want(201, "api-build", "POST /repositories/acme/api/src", "")
	j.wantGit(200, "api-build", "GET /repositories/acme/api", "sent as git sends it")
	j.want(201, "api-build", "POST /repositories/acme/api/pipelines", "")
	j.want(403, "api-build", "POST /repositories/acme/api/pipelines_config/variables", "to run is not to configure")
	j.want(403, "api-build", "GET /repositories/acme/api/pullrequests", "")
	j.want(200, "api-review", "GET /repositories/acme/api/pullrequests", "")
	j.want(201, "api-review", "POST /repositories/acme/api/pullrequests", "")
	j.want(200, "api-review", "POST /repositories/acme/api/pullrequests/1/merge", "")
	j.want(201, "api-review", "POST /repositories/acme/api/src", "to merge is to write")
	j.want(403, "api-review", "DELETE /repositories/acme/api", "to write is not to delete")
	j.want(201, "api-setup", "POST /repositories/acme/api/pipelines_config/variables", "")
	j.want(200, "api-setup", "GET /repositories/acme/api/hooks", "")
	j.want(403, "api-setup", "POST /repositories/acme/api/hooks", "a hook tells what is pushed")
	return nil
}

func reach(j *job) error {
	j.heading("Reach", "A token reaches what it is bound to and what lies inside that: down, never up or sideways.")
	j.want(403, "api-build", "POST /repositories/acme/worker/src", "a sibling repository")
	j.want(403, "api-build", "POST /repositories/globex/api/src", "of the same name elsewhere")
	j.want(403, "api-build", "POST /repositories/acme/nowhere/src", "what is not there looks the same")
	j.want(403, "api-build", "GET /workspaces/acme/projects/CORE", "its parent project")
	j.want(403, "api-setup", "POST /workspaces/acme/pipelines-config/variables", "its workspace")
	return nil
}

func projectTokens(j *job) error {
	j.heading("Project tokens", "They reach the project and the repositories that lie in it now, as the host's own table says.")
	j.want(200, "core-nightly", "GET /workspaces/acme/projects/CORE", "")
	j.want(200, "core-nightly", "GET /repositories/acme/api", "")
	j.want(201, "core-nightly", "POST /repositories/acme/worker/pipelines", "")
	j.want(403, "core-nightly", "GET /repositories/acme/docs", "lies in another project")
	j.want(403, "core-nightly", "GET /workspaces/acme/projects/SITE", "a sibling project")
	j.want(403, "core-nightly", "GET /workspaces/globex/projects/CORE", "of the same name elsewhere")
	j.want(403, "core-nightly", "GET /workspaces/acme/members", "its workspace")
	return nil
}

func workspaceTokens(j *job) error {
	j.heading("Workspace tokens", "They reach all that is in the workspace. No token may ever change the workspace itself.")
	j.want(200, "acme-ops", "GET /repositories/acme/docs", "")
	j.want(200, "acme-ops", "GET /workspaces/acme/members", "")
	j.want(201, "acme-ops", "PUT /workspaces/acme/projects/LAB", "")
	j.want(201, "acme-ops", "POST /workspaces/acme/pipelines-config/variables", "")
	j.want(403, "acme-ops", "POST /repositories/acme/docs/src", "reach is not permission")
	j.want(404, "acme-ops", "GET /repositories/acme/nowhere", "it reaches all, so it may know")
	j.want(403, "acme-ops", "GET /repositories/globex/api", "another workspace")
	j.want(403, "acme-ops", "PUT /workspaces/acme", "no token may")

	at, err := j.find("workspace acme")
	if err != nil {
		return err
	}
	_, _, err = j.service.issue(j.ctx, "too-much", at, hallpass.WorkspaceAdmin)
	j.check("nor can a token be issued that might", errors.Is(err, hallpass.ErrInvalid))
	return nil
}

func listing(j *job) error {
	j.heading("Lists", "A list is not refused for what lies out of reach. It leaves that out.")
	j.wantList("acme-ops", "GET /repositories/acme", "api", "docs", "prototype", "worker")
	j.wantList("core-nightly", "GET /repositories/acme", "api", "worker")
	j.wantList("api-build", "GET /repositories/acme", "api")
	j.wantList("acme-ops", "GET /repositories/globex")
	j.want(403, "api-setup", "GET /repositories/acme", "it may read nothing")
	j.wantList("acme-ops", "GET /workspaces/acme/projects", "CORE", "LAB", "SITE")
	j.wantList("core-nightly", "GET /workspaces/acme/projects", "CORE")
	j.wantList("acme-ops", "GET /workspaces/globex/projects")
	j.want(403, "api-build", "GET /workspaces/acme/projects", "no repository token may")
	return nil
}

func strangers(j *job) error {
	j.heading("Strangers", "Whatever is wrong with a token, the answer is the same 401, before the host looks at its own tables.")
	if err := j.issueElsewhere("(elsewhere)"); err != nil {
		return err
	}
	j.present("(garbage)", "hp_garbage")
	j.want(401, "(none)", "GET /repositories/acme/api", "")
	j.want(401, "(garbage)", "GET /repositories/acme/api", "")
	j.want(401, "(elsewhere)", "GET /repositories/acme/api", "a token of another forge")
	j.want(401, "(none)", "GET /repositories/acme/nowhere", "")
	j.want(401, "(none)", "PUT /workspaces/acme", "")
	return nil
}

func moving(j *job) error {
	j.heading("A repository moves", "Project tokens follow it at once, without a word to hallpass. Its own tokens stay good.")
	j.want(200, "core-nightly", "GET /repositories/acme/api", "")
	j.want(403, "site-publish", "GET /repositories/acme/api", "")
	api, err := j.find("repository acme/api")
	if err != nil {
		return err
	}
	site, err := j.find("project acme/SITE")
	if err != nil {
		return err
	}
	if err := j.service.host.moveRepository(j.ctx, api, site); err != nil {
		return err
	}
	j.did("the forge moves repository api from project CORE to project SITE")
	j.want(403, "core-nightly", "GET /repositories/acme/api", "the old project's")
	j.want(200, "site-publish", "GET /repositories/acme/api", "the new project's")
	j.want(201, "api-build", "POST /repositories/acme/api/src", "the repository's own")
	return nil
}

func rotating(j *job) error {
	const overlap = time.Second // a day, say, in real life
	j.heading("A token is rotated", "It is replaced, never recovered. For a while both work, so that no job fails in between.")
	old, err := j.rotate("api-build", "api-build-2", overlap)
	if err != nil {
		return err
	}
	j.did(fmt.Sprintf("api-build is rotated to api-build-2, with an overlap of %v", overlap))
	j.want(201, "api-build", "POST /repositories/acme/api/src", "the old one")
	j.want(201, "api-build-2", "POST /repositories/acme/api/src", "the new one")
	j.sleepUntil(old.RevokedAt)
	j.did("the overlap is over")
	j.want(401, "api-build", "POST /repositories/acme/api/src", "the old one")
	j.want(201, "api-build-2", "POST /repositories/acme/api/src", "the new one")
	return nil
}

func revoking(j *job) error {
	j.heading("A token is revoked", "That holds from the next request on.")
	j.want(201, "core-nightly", "POST /repositories/acme/worker/pipelines", "")
	token := j.tokens["core-nightly"]
	if err := j.service.passes.Revoke(j.ctx, token.Resource, token.ID); err != nil {
		return err
	}
	j.did("core-nightly is revoked")
	j.want(401, "core-nightly", "POST /repositories/acme/worker/pipelines", "")
	return nil
}

func tampering(j *job) error {
	j.heading("Somebody edits the database", "Every row is sealed with a key that the database does not have. A row that is edited is dead.")
	token := j.tokens["site-publish"]
	j.want(200, "site-publish", "GET /repositories/acme/docs", "")
	_, err := j.service.db.ExecContext(j.ctx, `UPDATE hallpass_tokens SET scope = 'repository:admin repository:write' WHERE id = ?`, token.ID)
	if err != nil {
		return err
	}
	j.did("UPDATE hallpass_tokens SET scope = 'repository:admin repository:write' of site-publish")
	j.want(401, "site-publish", "POST /repositories/acme/docs/src", "what the edit was for")
	j.want(401, "site-publish", "GET /repositories/acme/docs", "what it had before")
	j.check("the audit log has the alarm: a token was rejected as tampered", j.ledger.tampered(token.ID))
	ids, err := j.verify()
	if err != nil {
		return err
	}
	j.check(fmt.Sprintf("Verify names the row, %s, and no other", token.ID), slices.Equal(ids, []hallpass.ID{token.ID}))
	// Nothing vouches for what such a row says, yet it can be ended like any other.
	if err := j.service.passes.Revoke(j.ctx, token.Resource, token.ID); err != nil {
		return err
	}
	if ids, err = j.verify(); err != nil {
		return err
	}
	j.check("once the row is revoked, Verify names none", len(ids) == 0)
	return nil
}

func deleting(j *job) error {
	j.heading("A repository is deleted", "The forge ends its tokens with it, in one transaction.")
	j.want(200, "prototype", "GET /repositories/acme/prototype", "")
	j.want(204, "acme-ops", "DELETE /repositories/acme/prototype", "")
	j.want(401, "prototype", "GET /repositories/acme/prototype", "")
	j.want(404, "acme-ops", "GET /repositories/acme/prototype", "")
	return nil
}
