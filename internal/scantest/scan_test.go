package scantest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
)

func TestTheRulesAreThePatternOfTheAuthority(t *testing.T) {
	for _, prefix := range []string{"hp", "acmecorp0123"} {
		a := hallpasstest.With(t, hallpass.Config{Prefix: prefix})
		for name, s := range scanners(t, prefix) {
			assert.Equal(t, a.Pattern(), s.pattern, name)
		}
	}
}

func TestEveryTokenIsFoundOnceAndAsAWhole(t *testing.T) {
	for _, prefix := range []string{"hp", "acmecorp0123"} {
		tokens := issue(t, hallpasstest.With(t, hallpass.Config{Prefix: prefix}), 500)
		for name, s := range scanners(t, prefix) {
			found := 0
			var all strings.Builder
			for _, token := range tokens {
				for where, context := range contexts {
					text := fmt.Sprintf(context, token)
					require.Equal(t, []string{token}, s.scan(text), "%s, %s", name, where)
					found++
				}
				fmt.Fprintf(&all, contexts["environment"], token)
			}
			assert.Equal(t, 2500, found, name)
			assert.Equal(t, tokens, s.scan(all.String()), "%s, all in one file", name)
		}
	}
}

func TestNoLookAlikeIsFound(t *testing.T) {
	const each = 400
	r := rand.New(rand.NewPCG(1, 2))
	a := hallpasstest.New(t)
	tokens := issue(t, a, each)
	all := scanners(t, "hp")
	asked := 0
	for _, kind := range slices.Sorted(maps.Keys(lookAlikes)) { // in this order, so that each run asks for the same
		for _, token := range tokens {
			fake := lookAlikes[kind](r, token)
			asked++
			for where, context := range contexts {
				for name, s := range all {
					require.Empty(t, s.scan(fmt.Sprintf(context, fake)), "%s: %s, %s: %s", name, kind, where, fake)
				}
			}
			require.False(t, a.Recognizes(fake), kind)
		}
	}
	assert.GreaterOrEqual(t, asked, 10_000)
	t.Logf("%d look-alikes in %d contexts", asked, len(contexts))
}

// Scanners know no checksums. Recognizes does.
func TestAWrongChecksumIsFoundAndNotRecognized(t *testing.T) {
	a := hallpasstest.New(t)
	for name, s := range scanners(t, "hp") {
		for _, token := range issue(t, a, 500) {
			wrong := typo(token)
			require.Equal(t, []string{wrong}, s.scan("HP_TOKEN="+wrong), name)
			require.False(t, a.Recognizes(wrong))
			require.True(t, a.Recognizes(token))
		}
	}
}

// With the rules of gitleaks beside it, a token is still found once, but for those that gitleaks ignores, as the page says.
func TestTheRuleExtendsThoseOfGitleaks(t *testing.T) {
	cfg, err := extended()
	s := gitleaks(t, cfg, err)
	require.NotEmpty(t, s.scan(`aws_key = "AKIA`+"Z7QW3ER5TY2UIX4P"+`"`), "the rules of gitleaks apply")
	for _, token := range issue(t, hallpasstest.New(t), 100) {
		if folded := strings.ToLower(token); strings.Contains(folded, "false") || strings.HasSuffix(folded, "null") {
			continue
		}
		for where, context := range contexts {
			require.Equal(t, []string{token}, s.scan(fmt.Sprintf(context, token)), where)
		}
		require.Empty(t, s.scan("see "+token[:30]+"fAlSe"+token[35:]))
		require.Empty(t, s.scan("see "+token[:60]+"nuLL"))
	}
}

// What the page says is not found is not, and what it says gitleaks decodes is found.
func TestATokenThatIsBrokenOrGluedToAnEscapeIsNotFound(t *testing.T) {
	all := scanners(t, "hp")
	for _, token := range issue(t, hallpasstest.New(t), 100) {
		for name, s := range all {
			require.Empty(t, s.scan(`{"script":"login\n`+token+`"}`), name)
			require.Empty(t, s.scan(token[:40]+"\n"+token[40:]), name)
		}
		for _, text := range []string{"?next=%2F%3Ftoken%3D" + token, "token: " + base64.StdEncoding.EncodeToString([]byte(token)), "token: " + hex.EncodeToString([]byte(token))} {
			require.Equal(t, []string{token}, all["gitleaks"].scan(text), text)
			require.Empty(t, all["TruffleHog"].scan(text))
		}
	}
}

// Speed in a text without tokens, and in one where gitleaks has to look closely because it has one.
func BenchmarkGitleaks(b *testing.B) {
	line := "func (s *server) list(w http.ResponseWriter, r *http.Request) { s.write(w, s.store.all(r.Context())) }\n"
	text := strings.Repeat(line, 100_000/len(line))
	texts := map[string]string{"without": text, "with a token": text + issue(b, hallpasstest.New(b), 1)[0]}
	plain, err := configuration(read(b, "gitleaks.toml", "hp"))
	require.NoError(b, err)
	all, err := extended()
	require.NoError(b, err)
	for rules, cfg := range map[string]config.Config{"this rule": plain, "all rules": all} {
		s := gitleaks(b, cfg, nil)
		for name, text := range texts {
			b.Run(rules+", "+name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					s.scan(text)
				}
			})
		}
	}
}
