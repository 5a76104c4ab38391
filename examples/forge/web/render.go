package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/hallpass-go/hallpass/examples/forge/host"
)

//go:embed pages
var pageFiles embed.FS

// A view is what a page shows inside the layout.
type view struct {
	Title  string
	Crumbs []crumb
	Script bool // the page has something to copy
	Body   any
}

// A crumb is one step of the way to a page. The last one is the page itself and has no path.
type crumb struct{ Text, Path string }

// parsePages reads every page together with the layout and the parts. They are fixed in the binary: a fault shows at once.
func parsePages() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{"when": when, "iso": iso, "ago": ago}).
		ParseFS(pageFiles, "pages/layout.html", "pages/parts.html"))
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	pages := map[string]*template.Template{}
	for _, name := range names {
		page := template.Must(template.Must(shared.Clone()).ParseFS(pageFiles, name))
		pages[strings.TrimPrefix(name, "pages/")] = page
	}
	return pages
}

// render writes a whole page, or nothing and an error.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	data := struct {
		view
		Person *host.Person
		Notice string
	}{view: v}
	if p, ok := host.PersonFrom(r.Context()); ok {
		data.Person, data.Notice = &p, s.sessions.PopString(r.Context(), noticeKey)
	}
	var page bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&page, "layout", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // whoever went away is not told that
	return nil
}

// when writes a time for people. There is one time zone for all, and it is named.
func when(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago writes a time that is as a rule not long ago.
func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < 2*time.Minute: // uses are written once a minute
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", d/time.Hour)
	}
	return when(t)
}
