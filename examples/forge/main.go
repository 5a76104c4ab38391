// Command forge is the reference host of hallpass: a small forge that git clones from and pushes to, with a REST API for CI jobs and pages
// on which people make and revoke access tokens.
//
//	go run ./examples/forge -demo
//
// It prints where it listens, how to log in, and a token of each kind. README.md says what to look at.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hallpass-go/hallpass/examples/forge/alerts"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "forge:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("forge", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "where to listen; 0 for any port")
	data := flags.String("data", "", "the data folder; if empty, one that is removed at the end")
	demo := flags.Bool("demo", false, "fill the data folder with two workspaces and their repositories, and print a login and tokens")
	secure := flags.Bool("secure", false, "send cookies over TLS only: for use behind a proxy that ends TLS")
	scanning := flags.String("alert-keys", "https://api.github.com/meta/public_keys/secret_scanning", "where the public keys of secret scanning lie")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag; see -help", flags.Arg(0))
	}
	if *data == "" {
		if *data, err = os.MkdirTemp("", "forge-"); err != nil {
			return err
		}
		defer os.RemoveAll(*data)
	}

	h, err := host.Open(ctx, *data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	forge, err := newForge(h, url, *secure, alerts.FromURL(*scanning, http.DefaultClient))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           forge,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	if *demo {
		if err := fill(ctx, h, url, out); err != nil {
			return errors.Join(err, listener.Close())
		}
	} else {
		fmt.Fprintln(out, "URL="+url)
	}
	return serve(ctx, server, listener, h)
}

// serve serves until ctx is done, and lets the requests that are under way finish. Meanwhile it writes when tokens were last used.
func serve(ctx context.Context, server *http.Server, listener net.Listener, h *host.Host) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	flush := time.NewTicker(10 * time.Second)
	defer flush.Stop()
	for {
		select {
		case err := <-failed:
			return err
		case <-flush.C:
			if err := h.Passes.FlushUses(ctx); err != nil {
				slog.Warn("when tokens were last used could not be written", "error", err)
			}
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return server.Shutdown(ctx)
		}
	}
}
