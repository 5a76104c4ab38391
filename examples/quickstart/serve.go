package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hallpass-go/hallpass"
)

// serve keeps the service up until ctx ends, with tokens to try on it. If file is "", its database is a temporary one.
func serve(ctx context.Context, out, log io.Writer, addr, file string) (err error) {
	if file == "" {
		dir, err := os.MkdirTemp("", "hallpass-quickstart-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file = filepath.Join(dir, "forge.db")
	}
	fresh := isNew(file)
	db, err := openDatabase(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, err := keysOf(file, fresh)
	if err != nil {
		return err
	}
	audit := slog.New(slog.NewTextHandler(log, nil))
	s, err := newService(ctx, db, keys, func(ctx context.Context, e hallpass.Event) { audit.InfoContext(ctx, "audit", "event", e) })
	if err != nil {
		return err
	}
	srv, err := s.start(addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()

	if err := s.printCommands(ctx, out, srv.url); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe database is %s. Audit events go to stderr. Press Ctrl-C to stop.\n", file)

	// When tokens were last used is written now and then, by the host's own clock: hallpass starts no goroutine.
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case <-minute.C:
			if err := s.passes.FlushUses(ctx); err != nil {
				slog.Warn("last-used times were not written", "error", err)
			}
		case err := <-srv.failed:
			return err
		case <-ctx.Done():
			fmt.Fprintln(out, "Stopped.")
			return nil
		}
	}
}

// printCommands issues three tokens and prints curl commands that use them, each under the status that it gets. A database that
// is kept gets three more on each start, and the older ones stay good: a token ends when it is revoked, and not before.
func (s *service) printCommands(ctx context.Context, out io.Writer, url string) error {
	api, err1 := s.host.repository(ctx, "acme", "api")
	core, err2 := s.host.project(ctx, "acme", "CORE")
	acme, err3 := s.host.workspace(ctx, "acme")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, build, err1 := s.issue(ctx, "api-build", api, hallpass.RepositoryWrite)
	_, nightly, err2 := s.issue(ctx, "core-nightly", core, hallpass.ProjectRead, hallpass.PipelineWrite)
	_, ops, err3 := s.issue(ctx, "acme-ops", acme, hallpass.ProjectRead, hallpass.ProjectAdmin, hallpass.AccountRead)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}

	fmt.Fprintf(out, "The forge is up on %s. Here are three tokens to try on it.\n", url)
	fmt.Fprintln(out, "They are shown this once: the database holds nothing that could show them again.")
	show := func(status int, what, method string, token hallpass.Secret, path string) {
		fmt.Fprintf(out, "\n# %d: %s\ncurl -i -X %s -H \"Authorization: Bearer %s\" %s/2.0%s\n", status, what, method, token.Reveal(), url, path)
	}
	show(201, "a repository token pushes", "POST", build, "/repositories/acme/api/src")
	show(403, "but not to the repository beside it", "POST", build, "/repositories/acme/worker/src")
	show(200, "a project token lists what lies in its project", "GET", nightly, "/repositories/acme")
	show(403, "and reads nothing of another project", "GET", nightly, "/repositories/acme/docs")
	show(201, "a workspace token makes a project", "PUT", ops, "/workspaces/acme/projects/LAB")
	show(403, "but no token changes the workspace", "PUT", ops, "/workspaces/acme")
	fmt.Fprintf(out, "\n# 200: a token as git sends it\ncurl -i -u \"x-token-auth:%s\" %s/2.0/repositories/acme/api\n", build.Reveal(), url)
	fmt.Fprintf(out, "\n# 401: no token\ncurl -i %s/2.0/repositories/acme/api\n", url)
	return nil
}
