package decisionlog

import "sync/atomic"

// Stats are counts since a log was opened.
type Stats struct {
	// Lines and Bytes were taken by the sink, Spilled lines by the local file.
	Lines, Bytes, Spilled uint64
	// Dropped lines had no room, Lost ones waited when the log was closed, Excluded ones were left out by a rule, and
	// Refused ones by a collector.
	Dropped, Lost, Excluded, Refused uint64
	// RuleErrors counts the lines on which the rules failed.
	RuleErrors uint64
	// Failing is whether the sink refused what it was given last.
	Failing bool
	// Queued is how many bytes wait for the writer.
	Queued int64
}

type counts struct {
	lines, bytes, spilled             atomic.Uint64
	dropped, lost, excluded, ruleErrs atomic.Uint64
	refused                           atomic.Uint64
	failing                           atomic.Bool
	queued                            atomic.Int64
	// untold are the dropped lines of which the log has no line yet.
	untold atomic.Uint64
}

// drop counts lines for which there was no room.
func (c *counts) drop(lines int) {
	c.dropped.Add(uint64(lines))
	c.untold.Add(uint64(lines))
}

func (c *counts) stats() Stats {
	return Stats{
		Lines: c.lines.Load(), Bytes: c.bytes.Load(), Spilled: c.spilled.Load(),
		Dropped: c.dropped.Load(), Lost: c.lost.Load(), Excluded: c.excluded.Load(), Refused: c.refused.Load(),
		RuleErrors: c.ruleErrs.Load(), Failing: c.failing.Load(), Queued: c.queued.Load(),
	}
}
