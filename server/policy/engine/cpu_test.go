package engine_test

import (
	"syscall"
	"testing"
)

// reportCPU adds the CPU time of the process per operation to a benchmark, which other load on the machine does not
// distort as it does the wall clock. Call it before the loop, and what it returns after.
func reportCPU(b *testing.B) func() {
	b.Helper()
	before := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
