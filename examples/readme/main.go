// This is the complete program of the README.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"net/http"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/sqlstore"
	_ "modernc.org/sqlite" // any driver does
)

func main() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "tokens.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	check(err)
	store, err := sqlstore.New(db, sqlstore.SQLite)
	check(err)
	check(store.Migrate(ctx))

	keys, err := hallpass.NewKeys(hallpass.GenerateKey()) // keep the key where you keep secrets, not in the database
	check(err)
	passes, err := hallpass.New(hallpass.Config{Store: store, Keys: keys, Realm: "production"})
	check(err)

	_, secret, err := passes.Issue(ctx, hallpass.Grant{
		Name:        "deploy job",
		CreatedBy:   "user-1",
		Resource:    hallpass.Repository("acme", "api"),
		Permissions: []hallpass.Permission{hallpass.RepositoryRead, hallpass.PipelineWrite},
	})
	check(err)
	fmt.Println("shown once:", secret.Reveal())

	http.HandleFunc("POST /repositories/{workspace}/{repository}/pipelines", func(w http.ResponseWriter, r *http.Request) {
		text, err := bearer.FromRequest(r)
		if err == nil {
			project := "core" // where the repository lies now: from your database, never from the request
			repository := hallpass.Repository(r.PathValue("workspace"), r.PathValue("repository")).In(project)
			_, err = passes.Authorize(r.Context(), text, repository, hallpass.PipelineWrite)
		}
		if err != nil {
			bearer.WriteError(w, r, err) // 401, 403 or 503, by RFC 6750
			return
		}
		fmt.Fprintln(w, "the pipeline runs")
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
