package cluster

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// systems is CLOCK_BOOTTIME as the system tells it.
func systems(t testing.TB) time.Duration {
	t.Helper()
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &at); err != nil {
		t.Fatal(err)
	}
	return time.Duration(at.Nano())
}

// TestBoottimeIsTheSystems, whoever read it last and when: no time is earlier than one read before it, or later than
// one read after it, by more than a reading takes.
func TestBoottimeIsTheSystems(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20_000 {
				before := systems(t)
				got := Boottime()
				if after := systems(t); got < before-readWithin || got > after+readWithin {
					t.Errorf("it is %v, the system's from %v to %v", got, before, after)
					return
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkBoottime(b *testing.B) {
	for b.Loop() {
		Boottime()
	}
}

func BenchmarkBoottimeOfTheSystem(b *testing.B) {
	for b.Loop() {
		systems(b)
	}
}
