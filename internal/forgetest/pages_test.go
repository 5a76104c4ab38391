package forgetest

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tokens = "/settings/acme/repositories/api/tokens"

func TestAPersonMakesRotatesAndRevokesATokenOnThePages(t *testing.T) {
	b := start(t).open()
	b.lifeOfAToken()
}

func TestThePagesWorkWithoutJavaScript(t *testing.T) {
	b := start(t).open()
	b.withoutScripts()
	b.lifeOfAToken()
}

// lifeOfAToken goes through the pages as a person does, and tries the token on the API after each step.
func (b *tab) lifeOfAToken() {
	t := b.t
	require.EqualValues(t, http.StatusOK, b.visit(tokens))
	require.Contains(t, b.path(), "/login")
	require.EqualValues(t, http.StatusOK, b.logIn(b.login, b.password))
	require.Equal(t, tokens, b.path(), "the login leads on")
	b.press("main a.button.main")
	require.EqualValues(t, http.StatusOK, b.make("deploy job", "repository"))

	first, shown := b.secret(), b.path()
	require.NotEmpty(t, first)
	require.Equal(t, http.StatusOK, b.status(first))
	id := first[3:23]
	require.Equal(t, tokens+"/"+id+"/secret", shown)
	assert.EqualValues(t, http.StatusGone, b.load(chromedp.Reload()))
	assert.Empty(t, b.secret())
	assert.Contains(t, b.text(), "cannot be shown again")

	b.visit(tokens)
	assert.Contains(t, b.text(), "deploy job")
	assert.Contains(t, b.text(), id)
	b.press(`a[href$="` + id + `/rotate"]`)
	b.do(chromedp.Click(chromedp.CSS(`input[value="now"]`)))
	b.press("main form button")
	second := b.secret()
	require.NotEmpty(t, second)
	assert.Equal(t, http.StatusUnauthorized, b.status(first))
	assert.Equal(t, http.StatusOK, b.status(second))

	b.visit(tokens)
	b.press(`a[href$="` + second[3:23] + `/revoke"]`)
	assert.Equal(t, http.StatusOK, b.status(second), "the question changes nothing")
	b.press("main form button")
	assert.Equal(t, tokens, b.path())
	assert.Equal(t, http.StatusUnauthorized, b.status(second))
	assert.Contains(t, b.text(), "“deploy job” was revoked.")

	b.press("header form button")
	b.visit(tokens)
	assert.Contains(t, b.path(), "/login", "logged out")
}

func TestCopyButtonsAreThereWithJavaScriptAlone(t *testing.T) {
	f := start(t)
	for _, scripts := range []bool{true, false} {
		b := f.open()
		if !scripts {
			b.withoutScripts()
		}
		b.visit("/repositories/acme/api")
		b.logIn(f.login, f.password)
		hidden, err := chromedp.Run(b.ctx, chromedp.Attributes(chromedp.CSS("button.copy"), chromedp.NodeReady))
		require.NoError(t, err)
		assert.Equal(t, scripts, !has(hidden, "hidden"))
	}
}

func has(attributes map[string]string, name string) bool {
	_, ok := attributes[name]
	return ok
}

func TestATokenIsRefusedAtTheLogin(t *testing.T) {
	b := start(t).open()
	b.visit("/login")
	assert.EqualValues(t, http.StatusUnprocessableEntity, b.logIn(b.login, b.repositoryToken))
	assert.Contains(t, b.text(), "nobody logs in with one")
	assert.NotContains(t, b.text(), b.repositoryToken)
	b.visit("/")
	assert.Equal(t, "/login", b.path())
	assert.Equal(t, http.StatusOK, b.status(b.repositoryToken), "where it belongs it works")
}
