package limit

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestASmallHeapMayGrow(t *testing.T) {
	for _, row := range []struct {
		live, room int64
		want       int
	}{
		{0, 128 << 20, 1600}, {8 << 20, 128 << 20, 1600}, {32 << 20, 128 << 20, 400}, {64 << 20, 128 << 20, 200},
		{128 << 20, 128 << 20, 100}, {4 << 30, 128 << 20, 100}, {32 << 20, 16 << 20, 100},
	} {
		if got := percentFor(row.live, row.room); got != row.want {
			t.Errorf("%d alive, room for %d: %d %%, want %d", row.live, row.room, got, row.want)
		}
	}
}

// TestLetHeapGrow: the percentage follows the heap, from one collection to the next; an operator's own is left alone.
func TestLetHeapGrow(t *testing.T) {
	before := debug.SetGCPercent(goPercent)
	defer debug.SetGCPercent(before)
	log := slog.New(slog.DiscardHandler)
	t.Setenv("GOGC", "100")
	LetHeapGrow(log)
	if got := debug.SetGCPercent(goPercent); got != goPercent {
		t.Fatalf("%d %% though GOGC is set", got)
	}
	t.Setenv("GOGC", "")
	g := &growth{room: 1 << 40, percent: goPercent}
	g.again(&afterCollection{})
	if got := debug.SetGCPercent(goPercent); got != mostPercent {
		t.Errorf("%d %% where there is much room, want %d", got, mostPercent)
	}
	g = &growth{room: 1, percent: mostPercent}
	g.again(&afterCollection{})
	runtime.GC()
	if got := debug.SetGCPercent(goPercent); got != goPercent {
		t.Errorf("%d %% where there is none, want %d", got, goPercent)
	}
}
