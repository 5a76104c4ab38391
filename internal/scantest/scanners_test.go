package scantest

import (
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"go.yaml.in/yaml/v3"
)

const scanning = "../../docs/scanning/"

// A scanner is one of the files of docs/scanning at work.
type scanner struct {
	pattern string                     // the expression of its rule
	scan    func(text string) []string // the secrets that it finds
}

// scanners makes all of them, for tokens with this prefix.
func scanners(t testing.TB, prefix string) map[string]scanner {
	cfg, err := configuration(read(t, "gitleaks.toml", prefix))
	return map[string]scanner{"gitleaks": gitleaks(t, cfg, err), "TruffleHog": trufflehog(t, read(t, "trufflehog.yaml", prefix))}
}

// read returns a file of docs/scanning, with this prefix in the place of hp, as its comment says.
func read(t testing.TB, file, prefix string) string {
	t.Helper()
	b, err := os.ReadFile(scanning + file)
	require.NoError(t, err)
	return strings.ReplaceAll(string(b), "hp_", prefix+"_")
}

// uncomment takes the # from the lines of s that are commented out: those without a space after it.
func uncomment(s string) string {
	return regexp.MustCompile(`(?m)^( *)#(\[|[a-z]|  )`).ReplaceAllString(s, "$1$2")
}

// configuration returns what gitleaks makes of this TOML.
func configuration(toml string) (config.Config, error) {
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(toml)); err != nil {
		return config.Config{}, err
	}
	var parsed config.ViperConfig
	if err := v.UnmarshalExact(&parsed); err != nil {
		return config.Config{}, err
	}
	return parsed.Translate()
}

// extended is gitleaks.toml with the rules of gitleaks. It is made once: gitleaks counts how often its process extended a
// configuration, and after two it silently does not.
var extended = sync.OnceValues(func() (config.Config, error) {
	toml, err := os.ReadFile(scanning + "gitleaks.toml")
	if err != nil {
		return config.Config{}, err
	}
	return configuration(uncomment(string(toml)))
})

// gitleaks runs gitleaks with this configuration.
func gitleaks(t testing.TB, cfg config.Config, err error) scanner {
	t.Helper()
	require.NoError(t, err)
	detector := detect.NewDetector(cfg)
	detector.MaxDecodeDepth = 5 // as the command has it
	return scanner{cfg.Rules["hallpass-token"].Regex.String(), func(text string) (secrets []string) {
		for _, finding := range detector.DetectString(text) {
			secrets = append(secrets, finding.Secret)
		}
		return secrets
	}}
}

// A detectorFile is trufflehog.yaml.
type detectorFile struct {
	Detectors []struct {
		Name     string
		Keywords []string
		Regex    map[string]string
		Entropy  float64
		Verify   []struct {
			Endpoint      string
			SuccessRanges []string `yaml:"successRanges"`
			RotatedRanges []string `yaml:"rotatedRanges"`
		}
	}
}

// parse reads the YAML of TruffleHog, and knows no other keys than TruffleHog does.
func parse(t testing.TB, text string) (file detectorFile) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&file))
	require.Len(t, file.Detectors, 1)
	return file
}

// trufflehog does as TruffleHog does with a detector that has one expression: the keyword in any case, then the expression, then the
// entropy of the first group, or of the whole match if there is none.
func trufflehog(t testing.TB, text string) scanner {
	t.Helper()
	detector := parse(t, text).Detectors[0]
	require.Len(t, detector.Keywords, 1)
	require.Len(t, detector.Regex, 1)
	pattern := regexp.MustCompile(detector.Regex["token"])
	require.Zero(t, pattern.NumSubexp())
	return scanner{pattern.String(), func(text string) (secrets []string) {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(detector.Keywords[0])) {
			return nil
		}
		for _, match := range pattern.FindAllString(text, -1) {
			if entropy(match) >= detector.Entropy {
				secrets = append(secrets, match)
			}
		}
		return secrets
	}}
}

// entropy returns Shannon's entropy of the characters of s, in bits.
func entropy(s string) (bits float64) {
	count := map[rune]float64{}
	for _, c := range s {
		count[c]++
	}
	for _, n := range count {
		p := n / float64(len(s))
		bits -= p * math.Log2(p)
	}
	return bits
}
