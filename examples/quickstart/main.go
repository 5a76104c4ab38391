// Quickstart is a small forge with a REST API in the manner of Bitbucket Cloud, whose access tokens are those of hallpass.
//
//	go run ./examples/quickstart           # play a CI job against it, and show what each token may do
//	go run ./examples/quickstart -serve    # keep it up, and print curl commands to try
//
// To read it as a tutorial, take the files in this order:
//
//	service.go  opens the database and makes the hallpass.Authority
//	api.go      the routes, each with the permission that it needs: the whole wiring between net/http and hallpass
//	host.go     the forge's own tables, which say where a repository lies
//	job.go      what the CI job asks for, and what it should be answered
//
// The rest is around it: audit.go keeps the audit events, play.go starts the service and the job, client.go sends the job's
// requests, show.go prints, serve.go is -serve, and keys.go keeps the key of a database that is kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr, ciJob)
	stop()
	os.Exit(status)
}

const anyPort = "127.0.0.1:0"

// run is main without what a test could not call. It returns the exit status: 0 if all went as expected, 1 if not, 2 for bad
// flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, script func(*job) error) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // a mistake gets one line below, not a page
	stay := flags.Bool("serve", false, "stay up until interrupted, and print curl commands to try")
	addr := flags.String("addr", anyPort, "with -serve: the `address` to listen on; it speaks plain HTTP, so keep it on loopback")
	file := flags.String("db", "", "with -serve: the database `file` to keep, with its key in FILE.key (default: a temporary one)")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stdout)
		flags.Usage()
		return 0
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !*stay && (*addr != anyPort || *file != ""):
		err = errors.New("-addr and -db are for -serve")
	}
	if err != nil {
		fmt.Fprintf(stderr, "quickstart: %v; -h shows the flags\n", err)
		return 2
	}

	if *stay {
		err = serve(ctx, stdout, stderr, *addr, *file)
	} else {
		_, err = play(ctx, stdout, script)
	}
	if err != nil {
		fmt.Fprintf(stderr, "quickstart: %v\n", err)
		return 1
	}
	return 0
}
