package bearer_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

// example has the shape of a token.
const example = "hp_0Yk3mZr8QbT1uVw5xAjC7nLr2FqPz9sDkXe4WbGh6TyUm1Vc8RaJoNi3pXk9Q"

// basic is what a client sends for this user and password.
func basic(user, password string) string {
	return "Basic " + encode(user+":"+password)
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

type headerRow struct {
	name   string
	values []string
	want   string // "": deny
}

func allow(name, token string, values ...string) headerRow { return headerRow{name, values, token} }
func deny(name string, values ...string) headerRow         { return headerRow{name: name, values: values} }

func checkRows(t *testing.T, rows []headerRow) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			token, err := bearer.FromHeader(row.values)
			request := &http.Request{Header: http.Header{"Authorization": row.values}}
			ofRequest, requestErr := bearer.FromRequest(request)
			assert.Equal(t, token, ofRequest, "FromRequest is FromHeader of the request's header")
			assert.Equal(t, err, requestErr)
			assert.Equal(t, row.want, token)
			if row.want != "" {
				assert.NoError(t, err)
				return
			}
			// Identity says more than errors.Is: the error holds nothing of the header.
			assert.True(t, err == hallpass.ErrUnauthenticated, "%v", err)
			assert.ErrorIs(t, err, hallpass.ErrUnauthenticated)
		})
	}
}

func TestThereIsExactlyOneHeader(t *testing.T) {
	bearerValue, basicValue := "Bearer "+example, basic("x-token-auth", example)
	checkRows(t, []headerRow{
		allow("one Bearer", example, bearerValue),
		allow("one Basic", example, basicValue),
		deny("none"),
		deny("one that is empty", ""),
		deny("two alike", bearerValue, bearerValue),
		deny("two that differ", bearerValue, "Bearer other"),
		deny("Bearer and Basic", bearerValue, basicValue),
		deny("Basic and Bearer", basicValue, bearerValue),
		deny("one and an empty one", bearerValue, ""),
		deny("an empty one and one", "", bearerValue),
		deny("two joined by a comma and a space", bearerValue+", "+bearerValue),
		deny("two joined by a comma", bearerValue+","+bearerValue),
		deny("Bearer and Basic joined", bearerValue+", "+basicValue),
		deny("Basic and Bearer joined", basicValue+", "+bearerValue),
		deny("a comma after", bearerValue+","),
		deny("a comma before", ","+bearerValue),
		deny("a comma before the token", "Bearer ,"+example),
		deny("tokens joined", "Bearer "+example+","+example),
	})
}

func TestBearerIsOneSpaceAndOneToken(t *testing.T) {
	checkRows(t, []headerRow{
		allow("as written", example, "Bearer "+example),
		allow("lower case", example, "bearer "+example),
		allow("upper case", example, "BEARER "+example),
		allow("mixed case", example, "bEaReR "+example),
		allow("one character", "a", "Bearer a"),
		allow("any visible ASCII but a comma", visible, "Bearer "+visible),
		allow("a token that looks like a scheme", "Bearer", "Bearer Bearer"),
		deny("no token", "Bearer "),
		deny("no token and no space", "Bearer"),
		deny("no scheme", example),
		deny("no scheme but a space", " "+example),
		deny("no space", "Bearer"+example),
		deny("two spaces", "Bearer  "+example),
		deny("a tab for a space", "Bearer\t"+example),
		deny("a tab and a space", "Bearer\t "+example),
		deny("a no-break space", "Bearer\u00a0"+example),
		deny("a space before", " Bearer "+example),
		deny("a space after", "Bearer "+example+" "),
		deny("a tab after", "Bearer "+example+"\t"),
		deny("a space within", "Bearer hp_0Yk3 mZr8"),
		deny("a line break after", "Bearer "+example+"\n"),
		deny("a carriage return and a line break after", "Bearer "+example+"\r\n"),
		deny("a NUL after", "Bearer "+example+"\x00"),
		deny("a NUL within", "Bearer hp\x00"),
		deny("a DEL", "Bearer hp\x7f"),
		deny("a byte of 0x80", "Bearer hp\x80"),
		deny("a letter outside ASCII", "Bearer hpé"),
		deny("a zero-width space", "Bearer "+example+"\u200b"),
		deny("a byte order mark", "Bearer \ufeff"+example),
		deny("a colon after the scheme", "Bearer: "+example),
		deny("a quoted token", "Bearer \""+example+"\", x"),
		deny("a longer scheme", "Bearers "+example),
		deny("a shorter scheme", "Beare "+example),
		deny("a full-width letter in the scheme", "Ｂearer "+example),
	})
}

func TestOtherSchemesAreRefused(t *testing.T) {
	checkRows(t, []headerRow{
		deny("Token", "Token "+example),
		deny("token of GitHub", "token "+example),
		deny("Digest", "Digest username=\"x-token-auth\""),
		deny("DPoP", "DPoP "+example),
		deny("MAC", "MAC "+example),
		deny("Negotiate", "Negotiate "+encode(example)),
		deny("Bearer of base64 for x-token-auth, with a space", "Bearer Basic "+encode("x-token-auth:"+example)),
		deny("Basic credentials without a scheme", encode("x-token-auth:"+example)),
	})
}

func TestBasicIsTheUserXTokenAuthAndTheToken(t *testing.T) {
	credentials := encode("x-token-auth:" + example)
	checkRows(t, []headerRow{
		allow("as git sends it", example, basic("x-token-auth", example)),
		allow("lower case", example, "basic "+credentials),
		allow("upper case", example, "BASIC "+credentials),
		allow("a colon in the password", "a:b", basic("x-token-auth", "a:b")),
		allow("a colon first in the password", ":a", basic("x-token-auth", ":a")),
		allow("one character", "a", basic("x-token-auth", "a")),
		allow("any visible ASCII but a comma", visible, basic("x-token-auth", visible)),
		deny("no credentials", "Basic "),
		deny("no credentials and no space", "Basic"),
		deny("empty user and password", basic("", "")),
		deny("no colon", "Basic "+encode("x-token-auth")),
		deny("no colon but a token", "Basic "+encode(example)),
		deny("no password", basic("x-token-auth", "")),
		deny("the token as user", basic(example, "")),
		deny("the token as user, with x-token-auth", basic(example, "x-token-auth")),
		deny("the token as user, with x-oauth-basic", basic(example, "x-oauth-basic")),
		deny("the token as user and password", basic(example, example)),
		deny("an empty user", basic("", example)),
		deny("the user x-oauth-basic", basic("x-oauth-basic", example)),
		deny("the user x-bitbucket-api-token-auth", basic("x-bitbucket-api-token-auth", example)),
		deny("the user oauth2", basic("oauth2", example)),
		deny("a person", basic("user-1", example)),
		deny("the user in upper case", basic("X-TOKEN-AUTH", example)),
		deny("the user in mixed case", basic("x-Token-auth", example)),
		deny("more of a user", basic("x-token-auth2", example)),
		deny("less of a user", basic("x-token-aut", example)),
		deny("a space before the user", basic(" x-token-auth", example)),
		deny("a space after the user", basic("x-token-auth ", example)),
		deny("a NUL after the user", basic("x-token-auth\x00", example)),
		deny("a byte order mark before the user", basic("\ufeffx-token-auth", example)),
		deny("a space before the token", basic("x-token-auth", " "+example)),
		deny("a space after the token", basic("x-token-auth", example+" ")),
		deny("a line break after the token", basic("x-token-auth", example+"\n")),
		deny("a NUL after the token", basic("x-token-auth", example+"\x00")),
		deny("a comma in the token", basic("x-token-auth", example+","+example)),
		deny("a letter outside ASCII", basic("x-token-auth", "hpé")),
		deny("not encoded", "Basic x-token-auth:"+example),
		deny("a tab for a space", "Basic\t"+credentials),
		deny("two spaces", "Basic  "+credentials),
		deny("a space after", "Basic "+credentials+" "),
		deny("a long s in the scheme", "Ba\u017fic "+credentials),
		deny("a longer scheme", "Basics "+credentials),
	})
}

func TestBasicHasOneSpelling(t *testing.T) {
	// A password of 11 characters needs no padding, one of 10 a sign, one of 9 two. The last of ??? is / in the standard
	// alphabet and _ in that of URLs.
	none, one, two, slash := encode("x-token-auth:hp_45678901"), encode("x-token-auth:hp_4567890"), encode("x-token-auth:hp_456789"), encode("x-token-auth:hp???????")
	require.NotContains(t, none, "=")
	require.True(t, strings.HasSuffix(one, "=") && !strings.HasSuffix(one, "=="), one)
	require.True(t, strings.HasSuffix(two, "=="), two)
	require.Contains(t, slash, "/")
	stray := strings.TrimSuffix(two, "==")
	stray = stray[:len(stray)-1] + string(stray[len(stray)-1]+1) + "=="
	loose, err := base64.StdEncoding.DecodeString(stray)
	require.NoError(t, err, "a lax decoder takes it")
	require.Equal(t, "x-token-auth:hp_456789", string(loose))
	checkRows(t, []headerRow{
		allow("without padding", "hp_45678901", "Basic "+none),
		allow("one sign of padding", "hp_4567890", "Basic "+one),
		allow("two signs of padding", "hp_456789", "Basic "+two),
		allow("the standard alphabet", "hp???????", "Basic "+slash),
		deny("the alphabet of URLs", "Basic "+strings.ReplaceAll(slash, "/", "_")),
		deny("padding left out", "Basic "+strings.TrimRight(two, "=")),
		deny("padding cut", "Basic "+strings.TrimSuffix(two, "=")),
		deny("padding too much", "Basic "+one+"="),
		deny("padding where none is due", "Basic "+none+"="),
		deny("a quantum of padding", "Basic "+none+"===="),
		deny("stray bits at the end", "Basic "+stray),
		deny("a line break within", "Basic "+none[:8]+"\n"+none[8:]),
		deny("a carriage return within", "Basic "+none[:8]+"\r"+none[8:]),
		deny("both within", "Basic "+none[:8]+"\r\n"+none[8:]),
		deny("a line break after", "Basic "+none+"\r\n"),
		deny("a line break in the padding", "Basic "+strings.TrimSuffix(two, "=")+"\n="),
		deny("a line break before", "Basic \n"+none),
		deny("a space within", "Basic "+none[:8]+" "+none[8:]),
		deny("a byte outside the alphabet", "Basic "+none[:8]+"!"+none[8:]),
		deny("a NUL after", "Basic "+none+"\x00"),
		deny("two quanta after the padding", "Basic "+two+two),
	})
}

func TestTooLongAHeaderIsRefused(t *testing.T) {
	const limit = 4096
	fits := strings.Repeat("a", limit-len("Bearer "))
	// 4088 characters of base64 are of 3066 bytes; 4096 are not reached by Basic, for its credentials come in fours.
	basicFits := strings.Repeat("a", 3066-len("x-token-auth:"))
	require.Len(t, basic("x-token-auth", basicFits), limit-2)
	checkRows(t, []headerRow{
		allow("a Bearer of 4096 bytes", fits, "Bearer "+fits),
		deny("a Bearer of 4097 bytes", "Bearer "+fits+"a"),
		allow("a Basic of 4094 bytes", basicFits, basic("x-token-auth", basicFits)),
		deny("a Basic of 4098 bytes", basic("x-token-auth", basicFits+"a")),
		deny("a MiB", "Bearer "+strings.Repeat("a", 1<<20)),
	})
	huge := []string{"Basic " + encode("x-token-auth:"+strings.Repeat("a", 1<<20))}
	assert.Zero(t, testing.AllocsPerRun(10, func() { bearer.FromHeader(huge) }), "it is refused before it is decoded")
}

func TestEveryByteButVisibleASCIIIsRefused(t *testing.T) {
	for c := range 256 {
		token := "a" + string([]byte{byte(c)}) + "b"
		for _, value := range []string{"Bearer " + token, basic("x-token-auth", token)} {
			got, err := bearer.FromHeader([]string{value})
			if strings.Contains(visible, string(rune(c))) && c < 0x80 {
				assert.NoError(t, err, "%#x", c)
				assert.Equal(t, token, got)
				continue
			}
			assert.True(t, err == hallpass.ErrUnauthenticated, "%#x", c)
			assert.Empty(t, got)
		}
	}
}

// visible is all visible ASCII but the comma.
var visible = func() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		if c != ',' {
			b.WriteByte(c)
		}
	}
	return b.String()
}()
