package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/examples/forge/host"
	"github.com/hallpass-go/hallpass/examples/forge/web"
)

// form returns the fields of a form.
func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func TestATokenIsMadeAsItWasAskedFor(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	for list, want := range map[string]hallpass.Resource{
		ofWorkspace: s.workspace.Resource(), ofProject: s.project.Resource(), ofRepository: s.repository.Resource().Identity(),
	} {
		token, err := s.Passes.Authenticate(t.Context(), b.make(list, "  a job ", "webhook", "repository", "webhook").secret())
		require.NoError(t, err)
		assert.Equal(t, "a job", token.Name)
		assert.Equal(t, want, token.Resource)
		assert.Equal(t, "repository webhook", token.Scope.String())
		assert.Equal(t, s.admin.ID, token.CreatedBy)
		assert.Zero(t, token.RevokedAt)
	}
}

var offered = regexp.MustCompile(`name="permission" value="([^"]*)"`)

func TestAFormOffersWhatTheKindMayHold(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	for list, kind := range map[string]hallpass.Kind{
		ofWorkspace: hallpass.WorkspaceKind, ofProject: hallpass.ProjectKind, ofRepository: hallpass.RepositoryKind,
	} {
		var want, got []string
		for d := range s.Passes.Catalog().Definitions() {
			if slices.Contains(d.Kinds, kind) {
				want = append(want, string(d.Permission))
			}
		}
		p := b.get(list + "/new")
		for _, m := range offered.FindAllStringSubmatch(p.body, -1) {
			got = append(got, m[1])
		}
		assert.ElementsMatch(t, want, got, kind.String())
		has(t, p, "Create, approve and merge pull requests",
			"also grants <code>pullrequest</code>, <code>repository</code>, <code>repository:write</code>")
	}
}

func TestARetiredPermissionIsNotOffered(t *testing.T) {
	kinds := []hallpass.Kind{hallpass.RepositoryKind}
	catalog, err := hallpass.NewCatalog(
		hallpass.Definition{Permission: "zebra", Kinds: kinds},
		hallpass.Definition{Permission: "webhook", Kinds: kinds},
		hallpass.Definition{Permission: "webhook:old", Kinds: kinds, Retired: true},
		hallpass.Definition{Permission: "badger", Kinds: kinds, Implies: []hallpass.Permission{"webhook"}},
	)
	require.NoError(t, err)
	areas := web.Areas(catalog, hallpass.RepositoryKind, []hallpass.Permission{"zebra"})
	require.Len(t, areas, 3)
	assert.Equal(t, []string{"Webhooks", "badger", "zebra"}, []string{areas[0].Title, areas[1].Title, areas[2].Title})
	assert.Len(t, areas[0].Options, 1)
	assert.Equal(t, []hallpass.Permission{"webhook"}, areas[1].Options[0].Besides)
	assert.True(t, areas[2].Options[0].Checked)
	assert.Empty(t, web.Areas(catalog, hallpass.ProjectKind, nil))
}

func TestAFormKeepsWhatWasTyped(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	long := strings.Repeat("x", 129)
	for _, c := range []struct {
		name        string
		permissions []string
		says        []string
	}{
		{"", []string{"webhook"}, []string{"Give the token a name", `aria-invalid="true"`}},
		{long, []string{"webhook"}, []string{"it has 129 bytes, and at most 128 are allowed", long}},
		{"a\tb", []string{"webhook"}, []string{"cannot be shown"}},
		{"job", nil, []string{"Choose at least one permission", `value="job"`}},
		{"job", []string{"webhook", "project"}, []string{"No repository token can be made with &#34;project&#34;", `value="job"`}},
		{"job", []string{"webhook", "token:admin"}, []string{"No repository token can be made with &#34;token:admin&#34;"}},
		{"job", []string{"webhook", "nonsense"}, []string{"No repository token can be made with &#34;nonsense&#34;"}},
	} {
		p := b.make(ofRepository, c.name, c.permissions...)
		assert.Equal(t, http.StatusUnprocessableEntity, p.status)
		has(t, p, append(c.says, `role="alert"`)...)
		assert.Equal(t, len(c.permissions) > 0, strings.Contains(p.body, `value="webhook" checked`))
	}
	assert.Empty(t, s.all())
}

func TestARefusalIsSaidInWords(t *testing.T) {
	for err, want := range map[error]int{
		host.ErrPremium:      http.StatusForbidden,
		host.ErrNotAdmin:     http.StatusForbidden,
		host.ErrGone:         http.StatusNotFound,
		hallpass.ErrInvalid:  http.StatusUnprocessableEntity,
		hallpass.ErrNotFound: 0,
		nil:                  0,
		fmt.Errorf("%w: %w", hallpass.ErrUnavailable, host.ErrNotAdmin): 0,
	} {
		status, sentence := web.Refusal(err)
		assert.Equal(t, want, status, "%v", err)
		assert.Equal(t, want == 0, sentence == "")
	}
}

func TestAListShowsWhatIsBoundToThisVeryPlace(t *testing.T) {
	s := open(t)
	_, used := s.issue("of the workspace", s.workspace.Resource(), hallpass.ProjectRead)
	s.issue("of the project", s.project.Resource(), hallpass.ProjectRead)
	s.issue("of the repository", s.repository.Resource(), hallpass.RepositoryRead)
	_, err := s.Passes.Authorize(t.Context(), used, s.workspace.Resource(), hallpass.ProjectRead)
	require.NoError(t, err)
	require.NoError(t, s.Passes.FlushUses(t.Context()))
	b := s.as("admin")
	for list, name := range map[string]string{ofWorkspace: "of the workspace", ofProject: "of the project", ofRepository: "of the repository"} {
		p := b.get(list)
		for _, other := range []string{"of the workspace", "of the project", "of the repository"} {
			assert.Equal(t, other == name, strings.Contains(p.body, `<span class="name">`+other), "%s at %s", other, list)
		}
		has(t, p, "by Administrator", `<code class="chip">`)
		assert.Equal(t, list == ofWorkspace, strings.Contains(p.body, "just now"))
		assert.Equal(t, list == ofWorkspace, !strings.Contains(p.body, "never</span>"))
	}
}

func TestRevokedTokensAreListedWhenAskedFor(t *testing.T) {
	s := open(t)
	dead, _ := s.issue("old job", s.repository.Resource(), hallpass.RepositoryRead)
	require.NoError(t, s.Passes.Revoke(t.Context(), dead.Resource, dead.ID))
	b := s.as("admin")
	p := b.get(ofRepository)
	lacks(t, p, "old job", string(dead.ID))
	has(t, p, "No live tokens", ofRepository+"?revoked=1")
	p = b.get(ofRepository + "?revoked=1")
	has(t, p, "old job", string(dead.ID), "Stopped")
	lacks(t, p, string(dead.ID)+"/revoke", string(dead.ID)+"/rotate")
}

func TestALongListHasPages(t *testing.T) {
	s := open(t)
	for i := range 101 {
		s.issue(fmt.Sprintf("job %03d", i), s.repository.Resource(), hallpass.RepositoryRead)
	}
	b := s.as("admin")
	first := b.get(ofRepository)
	assert.Equal(t, 100, strings.Count(first.body, `<span class="name">`))
	more := regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(first.body)
	require.NotNil(t, more)
	second := b.get(more[1])
	assert.Equal(t, 1, strings.Count(second.body, `<span class="name">`))
	lacks(t, second, "after=")
	assert.Equal(t, http.StatusNotFound, b.get(ofRepository+"?after=%20").status)
}

func TestARecordThatWasTamperedWithIsAnAlarm(t *testing.T) {
	s := open(t)
	s.issue("good job", s.repository.Resource(), hallpass.RepositoryRead)
	bad, _ := s.issue("bad job", s.repository.Resource(), hallpass.RepositoryRead)
	_, err := s.DB.Exec(`UPDATE hallpass_tokens SET scope = 'repository:admin' WHERE id = ?`, string(bad.ID))
	require.NoError(t, err)
	b := s.as("admin")
	p := b.get(ofRepository)
	has(t, p, "This record was changed outside hallpass.", "good job")
	lacks(t, p, "bad job", string(bad.ID)+"/rotate")
	assert.Less(t, strings.Index(p.body, string(bad.ID)), strings.Index(p.body, "good job"), "alarms come first")

	path := ofRepository + "/" + string(bad.ID)
	assert.Equal(t, http.StatusConflict, b.post(path+"/rotate", form("overlap", "now")).status)
	has(t, b.get(path+"/revoke"), "Its record was changed outside hallpass")
	p = b.post(path+"/revoke", nil)
	assert.Equal(t, ofRepository, p.path)
	has(t, p, "was revoked")
	lacks(t, b.get(ofRepository), string(bad.ID))
}

func TestANameIsText(t *testing.T) {
	s := open(t)
	b := s.as("admin")
	const name, escaped = `<script>alert("1")</script>`, "&lt;script&gt;alert("
	pages := []page{b.make(ofRepository, name, "repository"), b.make(ofRepository, name)}
	path := ofRepository + "/" + string(s.all()[0].ID)
	pages = append(pages, b.get(ofRepository), b.get(path+"/rotate"), b.get(path+"/revoke"), b.get(path+"/secret"))
	pages = append(pages, b.post(path+"/revoke", nil), b.get(path+"/revoke"), b.get(ofRepository+"?revoked=1"))
	for _, p := range pages {
		lacks(t, p, "<script>")
		has(t, p, escaped)
	}
	require.Eventually(t, func() bool { return s.count("audit") == 2 }, patience, pause)
	has(t, b.get("/settings/acme/audit"), escaped)
}
