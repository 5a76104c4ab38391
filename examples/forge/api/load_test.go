package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/bearer"
	"github.com/hallpass-go/hallpass/examples/forge/host"
)

// A load is what the generator is asked for, and a result what came of it.
type (
	load struct {
		URL, Secret string
		Connections int
		For         time.Duration
	}
	result struct {
		Requests, Errors int
		First            string // error
		Took             time.Duration
	}
)

const generator = "FORGE_LOAD"

// The generator is this test in another process, so that what it takes is not counted as the forge's.
func TestMain(m *testing.M) {
	order := os.Getenv(generator)
	if order == "" {
		os.Exit(m.Run())
	}
	var l load
	if err := json.Unmarshal([]byte(order), &l); err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(l.run())
}

// run calls the URL over so many connections, each of which waits for its answer.
func (l load) run() (sum result) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.Connections, MaxConnsPerHost: l.Connections}, Timeout: 20 * time.Second}
	start := time.Now()
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range l.Connections {
		wait.Go(func() {
			n, failed, first := 0, 0, ""
			for time.Since(start) < l.For {
				n++
				if err := l.call(client); err != nil {
					failed++
					first = err.Error()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Requests, sum.Errors = sum.Requests+n, sum.Errors+failed
			if first != "" {
				sum.First = first
			}
		})
	}
	wait.Wait()
	sum.Took = time.Since(start)
	return sum
}

func (l load) call(client *http.Client) error {
	r, err := http.NewRequest("GET", l.URL, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+l.Secret)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

// perSecond runs a load from another process, and returns how many requests went through in a second. Any error ends the test.
func (l load) perSecond(t testing.TB) float64 {
	order, err := json.Marshal(l)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), generator+"="+string(order))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var r result
	require.NoError(t, json.Unmarshal(out, &r))
	require.Zero(t, r.Errors, r.First)
	require.Positive(t, r.Requests)
	return float64(r.Requests) / r.Took.Seconds()
}

// serveBoth serves a route that is guarded, and the same one made public.
func serveBoth(t testing.TB) (guarded, open load) {
	ctx := t.Context()
	h, err := host.Open(ctx, t.TempDir())
	require.NoError(t, err)
	admin, err := h.SetPassword(ctx, "admin", "Administrator", "a password of the test")
	require.NoError(t, err)
	w, err := h.AddWorkspace(ctx, "acme", "acme", "premium")
	require.NoError(t, err)
	p, err := h.AddProject(ctx, w, "CORE", "Core")
	require.NoError(t, err)
	repository, err := h.AddRepository(ctx, p, "api", "")
	require.NoError(t, err)
	require.NoError(t, h.Appoint(ctx, admin, w.Resource()))
	_, secret, err := h.Passes.Issue(host.WithPerson(ctx, admin), hallpass.Grant{Name: "load", CreatedBy: "test", Resource: repository.Resource().Identity(), Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
	require.NoError(t, err)

	m := &bearer.Mux{Gate: &bearer.Gate{Authority: h.Passes}}
	Routes(m, h)
	a := &api{h, m.Gate}
	m.Public("GET /public/{workspace}/{repository}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repository, err := a.repository(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.showRepository(w, r, repository)
	}))
	server := httptest.NewServer(m)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, h.Close())
	})
	guarded = load{URL: server.URL + "/2.0/repositories/acme/api", Secret: secret.Reveal(), Connections: 32}
	open = guarded
	open.URL = server.URL + "/public/acme/api"
	return guarded, open
}

func TestNoRequestFailsUnderLoad(t *testing.T) {
	guarded, _ := serveBoth(t)
	guarded.For = time.Second
	guarded.perSecond(t)
}

// BenchmarkLoad measures what the gate costs a route, as the ratio of what the guarded and the public one get through with 32 connections,
// in rounds that alternate. FORGE_LOAD_SECONDS says for how long: 30 for the figure of the README.
func BenchmarkLoad(b *testing.B) {
	seconds, err := strconv.ParseFloat(os.Getenv("FORGE_LOAD_SECONDS"), 64)
	if err != nil {
		seconds = 2
	}
	guarded, open := serveBoth(b)
	const rounds = 10
	guarded.For = time.Duration(seconds / rounds / 2 * float64(time.Second))
	open.For = guarded.For
	open.perSecond(b) // warm
	var ratios, per []float64
	for range rounds {
		g, o := guarded.perSecond(b), open.perSecond(b)
		ratios, per = append(ratios, g/o), append(per, g)
	}
	slices.Sort(ratios)
	slices.Sort(per)
	b.ReportMetric(ratios[rounds/2], "guarded/public")
	b.ReportMetric(per[rounds/2], "guarded/s")
	b.ReportMetric(0, "ns/op")
}
