package dbtest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
)

// A pooler that gives each transaction another connection forgets what was prepared. The store finds that out and prepares nothing any more.
func TestAPoolerThatForgetsStatementsIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"&default_query_exec_mode=exec", "&default_query_exec_mode=simple_protocol"} {
		t.Run("pgx"+options, func(t *testing.T) {
			e := postgresEngine
			db := e.open(t, pooled(t)+options)
			a := on(t, e.store(t, db))
			require.NoError(t, a.Check(t.Context()))
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 20 {
						token, secret, err := a.Issue(t.Context(), grant(api, hallpass.RepositoryRead))
						if !assert.NoError(t, err) {
							return
						}
						_, err = a.Authenticate(t.Context(), secret.Reveal())
						assert.NoError(t, err)
						fresh, _, err := a.Rotate(t.Context(), acme, token.ID, time.Hour)
						assert.NoError(t, err)
						assert.NoError(t, a.Revoke(t.Context(), acme, token.ID))
						assert.NoError(t, a.Revoke(t.Context(), acme, fresh.ID))
						_, err = a.Authenticate(t.Context(), secret.Reveal())
						assert.Equal(t, hallpass.ErrUnauthenticated, err)
					}
				})
			}
			wg.Wait()
			assert.Len(t, list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true}), 320)
			assert.Empty(t, collect(a.Verify(t.Context())))
		})
	}
}

// pooled starts a PgBouncer that pools transactions, and returns the DSN of an empty database behind it.
func pooled(t *testing.T) string {
	t.Helper()
	server, err := url.Parse(postgresDSN.dsn(t))
	require.NoError(t, err)
	bouncer, name := installed(t, "pgbouncer"), newName()
	administer(t, "pgx", server.String(), []string{"CREATE DATABASE " + name}, "DROP DATABASE "+name+" WITH (FORCE)")
	directory, as := belongingTo(t, "postgres")
	port := freePort(t)
	password, secret := server.User.Password()
	if secret {
		password = " password='" + password + "'"
	}
	config := fmt.Sprintf("[databases]\n%s = host=%s port=%s user=%s%s\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%s\nauth_type=any\n"+
		"pool_mode=transaction\ndefault_pool_size=3\nunix_socket_dir=\nignore_startup_parameters=extra_float_digits\n",
		name, server.Hostname(), server.Port(), server.User.Username(), password, port)
	require.NoError(t, os.WriteFile(directory+"/pgbouncer.ini", []byte(config), 0o644))
	var out strings.Builder
	c := as(exec.Command(bouncer, "-q", directory+"/pgbouncer.ini"))
	c.Stdout, c.Stderr = &out, &out
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "%s", &out)
	return "postgres://" + server.User.Username() + "@127.0.0.1:" + port + "/" + name + "?sslmode=disable"
}
