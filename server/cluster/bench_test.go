package cluster_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/server/cluster"
)

// BenchmarkBoottime is what a look at the clock of leases costs; two of them are in each answer from a cache.
func BenchmarkBoottime(b *testing.B) {
	for b.Loop() {
		cluster.Boottime()
	}
}

// BenchmarkTimeNow is the clock that leases cannot use, for comparison.
func BenchmarkTimeNow(b *testing.B) {
	for b.Loop() {
		_ = time.Now()
	}
}
