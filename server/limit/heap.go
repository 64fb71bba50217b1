package limit

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// roomToGrow is how much a heap grows before it is collected, where it is smaller than that: a server of a thousand
	// subjects holds 40 MiB, and would collect it every 40 MiB of calls.
	roomToGrow = 128 << 20
	// goPercent is Go's own default: a heap grows by as much as is alive in it.
	goPercent = 100
	// mostPercent bounds what is made of an empty heap.
	mostPercent = 1600
	// roomShare is the part of a memory limit that the room is at most.
	roomShare = 4
)

// LetHeapGrow has the garbage collector leave a small heap alone until it has grown by 128 MiB, or a quarter of Go's
// memory limit; a larger one is collected as Go does by default. An operator's own GOGC wins. It sets what is global to
// the process, and goes on until that ends, so only main calls it, after UseMemoryLimit.
func LetHeapGrow(log *slog.Logger) {
	if own := os.Getenv("GOGC"); own != "" {
		log.Info("garbage collection", "gogc", own, "from", "GOGC")
		return
	}
	room := int64(roomToGrow)
	if limit := MemoryLimit(); limit > 0 {
		room = min(room, limit/roomShare)
	}
	log.Info("garbage collection", "room", room)
	g := &growth{room: room, percent: goPercent}
	g.again(&afterCollection{})
}

// growth sets the percentage by which the heap grows.
type growth struct {
	room    int64
	percent int
}

// afterCollection is garbage whose finalizer runs after each collection. It has a pointer, as what has none may share
// its memory with others.
type afterCollection struct{ _ *byte }

func (g *growth) again(a *afterCollection) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if live := sample[0].Value; live.Kind() == metrics.KindUint64 {
		g.set(percentFor(int64(live.Uint64()), g.room))
	}
	runtime.SetFinalizer(a, g.again)
}

// set stops the world for a moment, so that small differences are left alone.
func (g *growth) set(percent int) {
	if d := percent - g.percent; d*8 > g.percent || -d*8 > g.percent {
		g.percent = percent
		debug.SetGCPercent(percent)
	}
}

// percentFor is by how much a heap may grow of which so many bytes are alive, in percent of these.
func percentFor(live, room int64) int {
	return int(min(max(goPercent, 100*room/max(live, 1)), mostPercent))
}
