package hallpass_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

// around are texts that tokens are found in, with %s where the token is.
var around = []string{
	"%s", "%s\n", "\n%s\r\n", "\t%s ", "HP_TOKEN=%s", `token: "%s"`, `{"token":"%s","a":1}`, "`%s`", "'%s';", "(%s)", "see %s.", "%s,", "-u x:%s",
	"https://x-token-auth:%s@git.example.com/acme/api.git", "Authorization: Bearer %s\r\n", "?access_token=%s&a=b", "<b>%s</b>", "--token=%s", "é%s€",
}

func TestThePatternMatchesEveryIssuedTokenAsAWhole(t *testing.T) {
	for _, prefix := range []string{"hp", "00", "b9", "acmecorp0123"} {
		a := hallpasstest.With(t, hallpass.Config{Prefix: prefix})
		pattern := regexp.MustCompile(a.Pattern())
		assert.Zero(t, pattern.NumSubexp())
		for range 100 {
			_, text := issue(t, a, api, hallpass.RepositoryRead)
			for _, in := range around {
				assert.Equal(t, []string{text}, pattern.FindAllString(fmt.Sprintf(in, text), -1), "%s in %q", prefix, in)
			}
		}
	}
}

func TestThePatternMatchesNoLookAlike(t *testing.T) {
	a := hallpasstest.New(t)
	pattern := regexp.MustCompile(a.Pattern())
	other := hallpasstest.With(t, hallpass.Config{Prefix: "xhp"})
	_, foreign := issue(t, other, api, hallpass.RepositoryRead)
	for range 100 {
		_, text := issue(t, a, api, hallpass.RepositoryRead)
		lookAlikes := []string{
			foreign, text[:63], text[3:], "hp-" + text[3:], "hq" + text[2:], "HP" + text[2:], "hp" + text[3:], "hp__" + text[3:], strings.Repeat("0", 64),
			text[:30] + "é" + text[31:], "",
		}
		for _, c := range "_09azAZ" {
			lookAlikes = append(lookAlikes, text+string(c), string(c)+text)
		}
		for _, c := range "_-+/=. \n\x00" {
			lookAlikes = append(lookAlikes, text[:30]+string(c)+text[31:], text[:63]+string(c))
		}
		for _, s := range lookAlikes {
			for _, in := range around {
				assert.NotRegexp(t, pattern, fmt.Sprintf(in, s))
			}
		}
	}
}

// A scanner takes every match as a candidate, and its checksum tells tokens from what only looks like one.
func ExampleAuthority_Pattern() {
	passes := newAuthority()
	fmt.Println(passes.Pattern())

	page := `
		HP_TOKEN=hp_00000000000000000000000000000000000000000000000000000003sPXNj
		a typo:  hp_00000000000000000000000000000000000000000000000000000003sPXNk`
	for _, candidate := range regexp.MustCompile(passes.Pattern()).FindAllString(page, -1) {
		fmt.Println(candidate[58:], passes.Recognizes(candidate))
	}
	// Output:
	// \bhp_[0-9A-Za-z]{61}\b
	// 3sPXNj true
	// 3sPXNk false
}
