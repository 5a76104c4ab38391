package forgetest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxPicture is how large a picture may be that a document shows.
const maxPicture = 150 << 10

// shoot makes a picture of the page as it is, on a desktop and on a phone.
func (b *tab) shoot(folder, name string) {
	b.t.Helper()
	for suffix, view := range map[string]chromedp.Action[chromedp.Void]{
		"-desktop": chromedp.EmulateViewport(1280, 860),
		"-phone":   chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile),
	} {
		b.do(view, chromedp.Sleep(300*time.Millisecond)) // until buttons have their colours
		_, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](`window.scrollTo(0, 0)`))
		require.NoError(b.t, err)
		capture := chromedp.FullScreenshot(100)
		if suffix == "-phone" {
			capture = chromedp.CaptureScreenshot() // lists are long on a phone
		}
		picture, err := chromedp.Run(b.ctx, capture)
		require.NoError(b.t, err)
		decoded, err := png.Decode(bytes.NewReader(picture))
		require.NoError(b.t, err)
		width := map[string]int{"-desktop": 1280, "-phone": 780}[suffix]
		assert.Equal(b.t, width, decoded.Bounds().Dx(), name)
		var small bytes.Buffer
		require.NoError(b.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, paletted(decoded)))
		assert.Less(b.t, small.Len(), maxPicture, name)
		require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+suffix+".png"), small.Bytes(), 0o644))
	}
	b.do(chromedp.ResetViewport())
}

// paletted returns a picture with the 256 colours that it has most of. Pages have few, save at the edges of letters.
func paletted(from image.Image) image.Image {
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	bounds := from.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return cmp.Compare(count[b], count[a]) })
	var palette color.Palette
	for _, c := range colours[:min(len(colours), 256)] {
		palette = append(palette, c)
	}
	nearest := map[color.RGBA]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	to := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	return to
}

func TestThePagesLookAsTheyShould(t *testing.T) {
	folder := os.Getenv("HALLPASS_SCREENSHOTS")
	if folder == "" {
		folder = t.TempDir()
	}
	b := start(t).open()
	b.visit(tokens)
	b.shoot(folder, "login")
	b.logIn(b.login, b.password)
	b.visit(tokens + "/new")
	b.do(chromedp.SendKeys(chromedp.CSS("#name"), "nightly build"),
		chromedp.Click(chromedp.CSS(`input[value="repository"]`)), chromedp.Click(chromedp.CSS(`input[value="pipeline:write"]`)))
	b.shoot(folder, "form")
	b.press("form.make button")
	require.Equal(t, http.StatusOK, b.status(b.secret()))

	for _, job := range [][2]string{{"deploy job", "repository:write"}, {"dependency updates", "pullrequest:write"}, {"chat notifications", "webhook"}} {
		b.visit(tokens + "/new")
		require.EqualValues(t, http.StatusOK, b.make(job[0], job[1]))
		b.status(b.secret()) // which the last one may not
	}

	// What a picture shows is read by everybody: the token has ended when the picture is there.
	b.visit(tokens + "/new")
	b.make("used up, for a picture", "repository", "pipeline")
	secret := b.secret()
	b.shoot(folder, "secret")
	b.visit(tokens + "/" + secret[3:23] + "/revoke")
	b.press("main form button")
	require.Equal(t, http.StatusUnauthorized, b.status(secret))

	// Uses are written every ten seconds.
	require.Eventually(t, func() bool {
		b.visit(tokens)
		return strings.Contains(b.text(), "just now")
	}, 30*time.Second, time.Second)
	b.shoot(folder, "tokens")
	b.visit("/settings/acme/audit")
	assert.Contains(t, b.text(), "rejected")
	b.shoot(folder, "audit")
}
