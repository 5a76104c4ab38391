package forgetest

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// A tab is a page in a browser of its own.
type tab struct {
	*forge
	ctx context.Context
}

// chromium returns where the browser is. Without one the test is skipped, unless it counts.
func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("there is no browser: install chromium, so that it is found in PATH")
	}
	require.NoError(t, err)
	return path
}

// open opens a browser that has no cookie.
func (f *forge) open() *tab {
	f.t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(f.chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	f.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	f.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	f.t.Cleanup(cancel)
	return &tab{f, ctx}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

// load does what leads to another page and returns the status of that.
func (b *tab) load(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, steps...)
	require.NoError(b.t, err)
	return response.Status
}

// visit opens a path of the forge.
func (b *tab) visit(path string) int64 {
	b.t.Helper()
	return b.load(chromedp.Navigate(b.url + path))
}

// press clicks what leads to another page.
func (b *tab) press(selector string) int64 {
	b.t.Helper()
	return b.load(chromedp.Click(chromedp.CSS(selector)))
}

// text returns what a person reads on the page.
func (b *tab) text() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("main")))
	require.NoError(b.t, err)
	return text
}

// path returns where the browser is.
func (b *tab) path() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	require.NoError(b.t, err)
	return at[len(b.url):]
}

func (b *tab) withoutScripts() {
	b.t.Helper()
	b.do(chromedp.Navigate("about:blank"))
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(b.t, err)
}

func (b *tab) logIn(login, password string) int64 {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("#login"), login), chromedp.SendKeys(chromedp.CSS("#password"), password))
	return b.press("form.login-form button")
}

// make makes a token on the form that is shown.
func (b *tab) make(name string, permissions ...string) int64 {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS("#name"), name))
	for _, p := range permissions {
		b.do(chromedp.Click(chromedp.CSS(`input[value="` + p + `"]`)))
	}
	return b.press("form.make button")
}

var secretText = regexp.MustCompile(`hp_[0-9A-Za-z]{61}`)

// secret returns the secret that the page shows, or "".
func (b *tab) secret() string {
	b.t.Helper()
	return secretText.FindString(b.text())
}
