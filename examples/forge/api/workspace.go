package api

import (
	"errors"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

func (a *api) createProject(w http.ResponseWriter, r *http.Request, workspace host.Workspace) {
	var body projectBody
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	project, err := a.AddProject(r.Context(), workspace, body.Key, body.Name)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, projectBody{project.Key, project.Name})
}

func (a *api) showProject(w http.ResponseWriter, _ *http.Request, project host.Project) {
	answer(w, http.StatusOK, projectBody{project.Key, project.Name})
}

func (a *api) changeProject(w http.ResponseWriter, r *http.Request, project host.Project) {
	var body projectBody
	if err := decode(r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	if err := a.RenameProject(r.Context(), project, body.Name); err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, projectBody{project.Key, body.Name})
}

func (a *api) deleteProject(w http.ResponseWriter, r *http.Request, project host.Project) {
	if err := a.DeleteProject(r.Context(), project); err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) listMembers(w http.ResponseWriter, r *http.Request, workspace host.Workspace) {
	members, err := a.Members(r.Context(), workspace)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerList(w, members, func(p host.Person) map[string]string {
		return map[string]string{"nickname": p.Login, "display_name": p.Name}
	})
}

// changeWorkspace puts the workspace on another plan. No token gets here.
func (a *api) changeWorkspace(w http.ResponseWriter, r *http.Request, workspace host.Workspace) {
	var body struct {
		Plan string `json:"plan"`
	}
	err := decode(r, &body)
	if err == nil {
		err = a.SetPlan(r.Context(), workspace, body.Plan)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// whoAmI shows a token what it is. It is no person.
func (a *api) whoAmI() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := hallpass.FromContext(r.Context())
		answer(w, http.StatusOK, map[string]string{
			"type": "app_user", "display_name": token.Name, "uuid": string(token.ID),
			"kind": token.Resource.Kind().String() + "_access_token", "scopes": token.Scope.String(),
		})
	})
}

// showWorkspace needs no permission, but a token of this workspace. One that is not there is as one that is not the token's.
func (a *api) showWorkspace() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := hallpass.FromContext(r.Context())
		workspace, err := a.workspace(r)
		if err != nil && !errors.Is(err, hallpass.ErrNotFound) {
			a.fail(w, r, err)
			return
		}
		if err != nil || workspace.ID != token.Resource.Workspace() {
			a.fail(w, r, &hallpass.DeniedError{Token: token, Resource: workspace.Resource(), OutOfReach: true})
			return
		}
		answer(w, http.StatusOK, map[string]string{"slug": workspace.Slug, "name": workspace.Name, "uuid": workspace.ID})
	})
}

// listTokens and issueToken stand for what only people do, on the pages. No token gets here, and if one did, Policy would still refuse it:
// it asks for the person who acts.

func (a *api) listTokens(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	tokens := []map[string]string{}
	for token, err := range a.Passes.List(r.Context(), repository.Resource(), hallpass.ListOptions{Only: true}) {
		if err != nil {
			a.fail(w, r, err)
			return
		}
		tokens = append(tokens, map[string]string{"uuid": string(token.ID), "name": token.Name, "scopes": token.Scope.String()})
	}
	answer(w, http.StatusOK, tokens)
}

func (a *api) issueToken(w http.ResponseWriter, r *http.Request, repository host.Repository) {
	token, _ := hallpass.FromContext(r.Context())
	_, secret, err := a.Passes.Issue(r.Context(), hallpass.Grant{
		Name: "made by a token", CreatedBy: string(token.ID), Resource: repository.Resource().Identity(), Permissions: []hallpass.Permission{hallpass.RepositoryRead},
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, http.StatusCreated, map[string]string{"secret": secret.Reveal()})
}
