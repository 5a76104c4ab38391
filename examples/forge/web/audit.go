package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// entriesPerPage is how many entries of the audit log a page shows.
const entriesPerPage = 50

type auditPage struct {
	host.Workspace
	Entries []auditRow
	Path    string
	Older   string
	Before  int64 // 0: the newest
}

type auditRow struct {
	host.AuditEntry
	Place       string // the name of the resource; "" where it is not known any more
	Permissions []string
}

func auditPath(w host.Workspace) string { return "/settings/" + w.Slug + "/audit" }

func (s *server) audit(w http.ResponseWriter, r *http.Request, p place) error {
	page := auditPage{Workspace: p.Workspace, Path: auditPath(p.Workspace)}
	if text := r.URL.Query().Get("before"); text != "" {
		before, err := strconv.ParseInt(text, 10, 64)
		if err != nil || before <= 0 {
			return errMissing
		}
		page.Before = before
	}
	entries, err := s.host.Audit(r.Context(), p.Workspace, page.Before, entriesPerPage+1)
	if err != nil {
		return err
	}
	if len(entries) > entriesPerPage {
		entries = entries[:entriesPerPage]
		page.Older = page.Path + "?before=" + strconv.FormatInt(entries[entriesPerPage-1].ID, 10)
	}
	places, err := s.placeNames(r.Context(), p.Workspace)
	if err != nil {
		return err
	}
	for _, e := range entries {
		page.Entries = append(page.Entries, auditRow{e, places[e.Resource], strings.Fields(e.Permissions)})
	}
	return s.render(w, r, http.StatusOK, "audit.html", view{
		Title:  "Audit log of " + p.Workspace.Name,
		Crumbs: []crumb{{"Home", "/"}, {p.Workspace.Name, "/#" + p.Workspace.Slug}, {"Audit log", ""}},
		Body:   page,
	})
}

// placeNames returns what people call the resources of a workspace.
func (s *server) placeNames(ctx context.Context, w host.Workspace) (map[string]string, error) {
	names := map[string]string{w.Resource().String(): w.Name}
	projects, err := s.host.Projects(ctx, w.Slug, w.Resource())
	if err != nil {
		return nil, err
	}
	for _, p := range projects {
		names[p.Resource().String()] = p.Name
	}
	repositories, err := s.host.Repositories(ctx, w.Slug, w.Resource())
	for _, r := range repositories {
		names[r.Resource().String()] = w.Slug + "/" + r.Slug
	}
	return names, err
}
