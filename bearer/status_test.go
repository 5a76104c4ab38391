package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
)

func TestAnErrorHasOneStatusAndTheUnknownIs500(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 200},
		{"ErrUnauthenticated", hallpass.ErrUnauthenticated, 401},
		{"ErrDenied", hallpass.ErrDenied, 403},
		{"a DeniedError", &hallpass.DeniedError{Resource: hallpass.Workspace("acme")}, 403},
		{"a DeniedError that is ErrInvalid too", &hallpass.DeniedError{OutOfReach: true}, 403},
		{"ErrNotFound", hallpass.ErrNotFound, 404},
		{"ErrUnavailable", hallpass.ErrUnavailable, 503},
		{"ErrInvalid", hallpass.ErrInvalid, 500},
		{"ErrTampered", hallpass.ErrTampered, 500},
		{"ErrExists", hallpass.ErrExists, 500},
		{"ErrConflict", hallpass.ErrConflict, 500},
		{"an error of the host", errors.New("no space left on device"), 500},
		{"one with the text of another", errors.New(hallpass.ErrDenied.Error()), 500},
		{"io.EOF", io.EOF, 500},
		{"a context that ended, where nobody says unavailable", context.Canceled, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.want, bearer.StatusCode(row.err))
			if row.err != nil {
				assert.Equal(t, row.want, bearer.StatusCode(fmt.Errorf("the host: %w", row.err)), "wrapped")
				assert.Equal(t, row.want, bearer.StatusCode(errors.Join(io.EOF, row.err)), "joined")
			}
		})
	}
}

func TestTheFirstOfManyCountsAndUnavailableIsTheFirst(t *testing.T) {
	order := []struct {
		err    error
		status int
	}{
		{hallpass.ErrUnavailable, 503},
		{hallpass.ErrUnauthenticated, 401},
		{hallpass.ErrDenied, 403},
		{hallpass.ErrNotFound, 404},
		{hallpass.ErrInvalid, 500},
	}
	for i, first := range order {
		var all []error
		for _, later := range order[i:] {
			// Where it stands in the error does not matter.
			all = append([]error{later.err}, all...)
			assert.Equal(t, first.status, bearer.StatusCode(fmt.Errorf("%w: %w", first.err, later.err)), "%v: %v", first.err, later.err)
			assert.Equal(t, first.status, bearer.StatusCode(fmt.Errorf("%w: %w", later.err, first.err)), "%v: %v", later.err, first.err)
		}
		assert.Equal(t, first.status, bearer.StatusCode(errors.Join(all...)), "%v", all)
	}
}

func TestAStoreErrorThatWrapsEverythingIsUnavailable(t *testing.T) {
	store := errors.Join(hallpass.ErrUnauthenticated, &hallpass.DeniedError{}, hallpass.ErrDenied, hallpass.ErrNotFound,
		hallpass.ErrInvalid, hallpass.ErrTampered, hallpass.ErrExists, hallpass.ErrConflict, context.Canceled)
	assert.Equal(t, 503, bearer.StatusCode(fmt.Errorf("%w: the store: %w", hallpass.ErrUnavailable, store)))
	assert.Equal(t, 503, bearer.StatusCode(errors.Join(store, hallpass.ErrUnavailable)))
}

func TestABadRequestSaysWhatIsWrong(t *testing.T) {
	err := fmt.Errorf("db.internal: %w", bearer.BadRequest(`the body is no JSON object, such as {"title": "x"}`))
	assert.Equal(t, http.StatusBadRequest, bearer.StatusCode(err))
	assert.Equal(t, http.StatusForbidden, bearer.StatusCode(errors.Join(err, hallpass.ErrDenied)))
	w := answer(err, "/acme/api", "Authorization", "Bearer x")
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Empty(t, w.Header().Get("WWW-Authenticate"))
	assert.JSONEq(t, `{"type":"error","error":{"message":"the body is no JSON object, such as {\"title\": \"x\"}"}}`, w.Body.String())
	assert.Equal(t, "the body is no JSON object, such as {\"title\": \"x\"}\n", answer(err, "/acme/api/info/refs").Body.String())
}
