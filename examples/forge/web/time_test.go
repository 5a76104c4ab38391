package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// direct sends a request without a network, so that time can be turned.
func (s *site) direct(method, path, cookie string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "forge_session", Value: cookie})
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *site) directLogin(t *testing.T) (cookie string) {
	t.Helper()
	w := s.direct(http.MethodPost, "/login", "", url.Values{"login": {"admin"}, "password": {password}})
	require.Equal(t, http.StatusSeeOther, w.Code)
	return w.Result().Cookies()[0].Value
}

func inBubble(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, build(t))
	})
}

func TestASessionEndsWhenItIsIdle(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		cookie := s.directLogin(t)
		time.Sleep(2*time.Hour - time.Minute)
		require.Equal(t, http.StatusOK, s.direct(http.MethodGet, "/", cookie, nil).Code)
		time.Sleep(2*time.Hour - time.Minute)
		require.Equal(t, http.StatusOK, s.direct(http.MethodGet, "/", cookie, nil).Code, "each request keeps it")
		time.Sleep(2*time.Hour + time.Second)
		assert.Equal(t, http.StatusSeeOther, s.direct(http.MethodGet, "/", cookie, nil).Code)
		require.Equal(t, 1, s.count("sessions"))
		s.directLogin(t)
		assert.Equal(t, 1, s.count("sessions"), "a login drops what is over")
	})
}

func TestASessionEndsHoweverBusyItIs(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		cookie := s.directLogin(t)
		for range 11 {
			time.Sleep(time.Hour)
			require.Equal(t, http.StatusOK, s.direct(http.MethodGet, "/", cookie, nil).Code)
		}
		time.Sleep(time.Hour + time.Second)
		assert.Equal(t, http.StatusSeeOther, s.direct(http.MethodGet, "/", cookie, nil).Code)
	})
}

func TestASecretWaitsForTwoMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		cookie := s.directLogin(t)
		for wait, want := range map[time.Duration]int{119 * time.Second: http.StatusOK, 2 * time.Minute: http.StatusGone} {
			w := s.direct(http.MethodPost, ofRepository, cookie, url.Values{"name": {"job"}, "permission": {"repository"}})
			require.Equal(t, http.StatusSeeOther, w.Code)
			time.Sleep(wait)
			synctest.Wait()
			w = s.direct(http.MethodGet, w.Header().Get("Location"), cookie, nil)
			assert.Equal(t, want, w.Code)
			assert.Equal(t, want == http.StatusOK, secretText.MatchString(w.Body.String()))
		}
	})
}

func TestWhoWaitedMayTryAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, s *site) {
		wrong := url.Values{"login": {"admin"}, "password": {"wrong"}}
		for range 10 {
			require.Equal(t, http.StatusUnauthorized, s.direct(http.MethodPost, "/login", "", wrong).Code)
		}
		w := s.direct(http.MethodPost, "/login", "", wrong)
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		wait, err := time.ParseDuration(w.Header().Get("Retry-After") + "s")
		require.NoError(t, err)
		time.Sleep(wait)
		s.directLogin(t)
	})
}
