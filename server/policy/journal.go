package policy

import (
	"log/slog"
	"sync/atomic"
)

// Stats count what happened since a Loader was made.
type Stats struct {
	// Compiled and Topdown count evaluations by engine; those of the shadow are not among them.
	Compiled, Topdown uint64
	// Errors counts denials with POLICY_ERROR; OverBudget those of them that took too many steps or nested too deeply.
	Errors, OverBudget uint64
	// Panics counts faults of the compiled engine, after each of which topdown decided.
	Panics uint64
	// Unsupported counts the entrypoints, of all sets loaded, that the compiled engine does not support.
	Unsupported uint64
	// Shadowed counts the decisions that the shadow made again, Differences those that came out otherwise, Dropped
	// those that it was too busy for.
	Shadowed, Differences, Dropped uint64
}

// journal is where all sets of a loader tell what happens: the log and the counters.
type journal struct {
	logger *slog.Logger
	counts counts
}

type counts struct {
	compiled, topdown, errors, overBudget, panics, unsupported, shadowed, differences, dropped atomic.Uint64
}

func (c *counts) stats() Stats {
	return Stats{
		Compiled: c.compiled.Load(), Topdown: c.topdown.Load(), Errors: c.errors.Load(), OverBudget: c.overBudget.Load(),
		Panics: c.panics.Load(), Unsupported: c.unsupported.Load(), Shadowed: c.shadowed.Load(),
		Differences: c.differences.Load(), Dropped: c.dropped.Load(),
	}
}

// logged reports whether the nth failure of a kind is logged: every first, second, fourth, eighth, …, as package authz
// does. Failures come as often as checks do, and must not fill the disk.
func logged(n uint64) bool { return n&(n-1) == 0 }
