package cachestore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/memstore"
)

// BenchmarkRatios measures Authorize through a warm cache against memstore alone, in rounds that alternate:
//
//	go test -run '^$' -bench Ratios -benchtime 40x .
func BenchmarkRatios(b *testing.B) {
	r := newReplicas(b, time.Minute)
	keys, err := hallpass.NewKeys(hallpass.GenerateKey())
	require.NoError(b, err)
	alone := hallpasstest.With(b, hallpass.Config{Store: memstore.New(), Keys: keys})
	var kept, there []string
	for i := range 1000 {
		_, secret := r.issue(b)
		kept = append(kept, secret)
		_, other, err := alone.Issue(b.Context(), hallpass.Grant{Name: fmt.Sprint("job ", i), CreatedBy: "test", Resource: api, Permissions: []hallpass.Permission{hallpass.RepositoryRead}})
		require.NoError(b, err)
		there = append(there, other.Reveal())
	}
	round := func(a *hallpass.Authority, secrets []string) time.Duration {
		start := time.Now()
		for range 20 {
			for _, secret := range secrets {
				if _, err := a.Authorize(b.Context(), secret, api, hallpass.RepositoryRead); err != nil {
					b.Fatal(err)
				}
			}
		}
		return time.Since(start) / 20_000
	}
	round(r.cached, kept)
	round(alone, there)
	var ratios, each []float64
	for b.Loop() {
		cached, floor := round(r.cached, kept), round(alone, there)
		ratios, each = append(ratios, float64(cached)/float64(floor)), append(each, float64(cached))
	}
	slices.Sort(ratios)
	slices.Sort(each)
	b.ReportMetric(ratios[len(ratios)/2], "cached/memstore")
	b.ReportMetric(each[len(each)/2], "ns/check")
	b.ReportMetric(0, "ns/op")
	require.Zero(b, testing.AllocsPerRun(1000, func() { _ = r.allows(kept[0]) }))
}
