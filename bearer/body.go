package bearer

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/hallpass-go/hallpass"
)

// messageOf returns the sentence for people. It is all that a git client shows of an answer.
func messageOf(status int, err error, denied *hallpass.DeniedError) string {
	switch status {
	case http.StatusBadRequest:
		if e, ok := errors.AsType[*badRequestError](err); ok {
			return e.message
		}
	case http.StatusUnauthorized:
		return "A valid access token is required: send it as a Bearer token, or from git as the password of the user x-token-auth."
	case http.StatusForbidden:
		switch {
		case denied != nil && denied.OutOfReach:
			return "The access token does not reach this resource."
		case denied != nil && len(denied.Missing) > 0:
			return "The access token lacks a permission that this request needs."
		}
		return "The access token does not permit this request."
	case http.StatusNotFound:
		return "There is no such resource."
	case http.StatusServiceUnavailable:
		return "Access tokens cannot be checked at the moment: try again in a few seconds."
	}
	return "internal error"
}

// jsonBody returns the error object of Bitbucket Cloud, with the message and why the token was denied.
func jsonBody(message string, denied *hallpass.DeniedError) []byte {
	type detail struct {
		Required []hallpass.Permission `json:"required"`
		Granted  []hallpass.Permission `json:"granted"`
	}
	var body struct {
		Type  string `json:"type"`
		Error struct {
			Message string  `json:"message"`
			Detail  *detail `json:"detail,omitempty"`
		} `json:"error"`
	}
	body.Type = "error"
	body.Error.Message = message
	if denied != nil {
		// Not nil, so that a client always finds a list.
		body.Error.Detail = &detail{
			Required: append([]hallpass.Permission{}, denied.Missing...),
			Granted:  slices.AppendSeq([]hallpass.Permission{}, denied.Token.Scope.Granted()),
		}
	}
	text, _ := json.Marshal(body) // which is of strings only, and so never fails
	return append(text, '\n')
}
