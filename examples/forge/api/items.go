package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A kind of item that the API keeps.
type kind struct {
	name     string
	required string // a field that an item has to have, a text
	state    string // the state that it begins in, or ""
}

var (
	pullRequests        = kind{"pullrequests", "title", "OPEN"}
	pullRequestComments = kind{"pullrequest_comments", "content", ""}
	commitComments      = kind{"commit_comments", "content", ""}
	buildStatuses       = kind{"statuses", "state", ""}
	restrictions        = kind{"branch-restrictions", "pattern", ""}
	deployKeys          = kind{"deploy-keys", "key", ""}
	hooks               = kind{"hooks", "url", ""}
	pipelines           = kind{"pipelines", "target", "RUNNING"}
	variables           = kind{"variables", "key", ""}
	runners             = kind{"runners", "name", ""}
)

// A place is what items lie in. The handlers get the very place that was decided on.
type place interface{ Resource() hallpass.Resource }

type handler[T any] = func(http.ResponseWriter, *http.Request, T)

func listItems[T place](a *api, k kind) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		items, err := a.Items(r.Context(), in.Resource(), k.name)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		answerList(w, items, func(i host.Item) host.Item { return i })
	}
}

func addItem[T place](a *api, k kind) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		body, err := readItem(r, k)
		if err == nil {
			err = a.add(w, r, in, k, body)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}

// add stores an item in the name of the token, and answers.
func (a *api) add(w http.ResponseWriter, r *http.Request, in place, k kind, body json.RawMessage) error {
	token, _ := hallpass.FromContext(r.Context())
	item, err := a.AddItem(r.Context(), in.Resource(), k.name, body, token.Name)
	if err == nil {
		answer(w, http.StatusCreated, item)
	}
	return err
}

// addTo adds an item to another, such as a comment to a pull request, which has to lie in the same place.
func addTo[T place](a *api, parent, k kind) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		if _, err := a.item(r, in, parent); err != nil {
			a.fail(w, r, err)
			return
		}
		addItem[T](a, k)(w, r, in)
	}
}

func showItem[T place](a *api, k kind) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		item, err := a.item(r, in, k)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, item)
	}
}

func deleteItem[T place](a *api, k kind) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		id, err := number(r)
		if err == nil {
			err = a.DeleteItem(r.Context(), in.Resource(), k.name, id)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// setState changes the state of an item, such as that of a pull request to merged.
func setState[T place](a *api, k kind, state string) handler[T] {
	return func(w http.ResponseWriter, r *http.Request, in T) {
		item, err := a.item(r, in, k)
		if err == nil {
			item.Body, err = withState(item.Body, state)
		}
		if err == nil {
			err = a.ChangeItem(r.Context(), in.Resource(), k.name, item.ID, item.Body)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, item)
	}
}

// item returns the item that the URL names, if it lies in this place: its number says nothing of where it lies.
func (a *api) item(r *http.Request, in place, k kind) (host.Item, error) {
	id, err := number(r)
	if err != nil {
		return host.Item{}, err
	}
	return a.Item(r.Context(), in.Resource(), k.name, id)
}

func number(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, hallpass.ErrNotFound
	}
	return id, nil
}

// readItem reads the body of a request as an item.
func readItem(r *http.Request, k kind) (json.RawMessage, error) {
	var fields map[string]any
	if err := decode(r, &fields); err != nil {
		return nil, err
	}
	if text, ok := fields[k.required].(string); !ok || text == "" {
		return nil, bearer.BadRequest("the body has no text " + strconv.Quote(k.required))
	}
	if k.state != "" {
		fields["state"] = k.state
	}
	return json.Marshal(fields)
}

func withState(body json.RawMessage, state string) (json.RawMessage, error) {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return nil, errors.Join(errors.New("a stored item is no JSON object"), err)
	}
	fields["state"] = state
	return json.Marshal(fields)
}
