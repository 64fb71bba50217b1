package cache

import (
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Stale returns the subject's state as this node last knew it, for callers who may have an old one where none can be
// read. It never returns one that is below its floor: what this node has heard of is never missing. What others wrote
// since the watermark may be. age tells at each call how long ago that was; whoever acts upon the state asks it last.
//
// ok is false where nothing that counts is kept of the subject, where the node never knew itself caught up, and where
// there is no watermark: a store of one node has no other writer, and a state that counts is then simply valid.
func (c *Cache) Stale(subject consent.Subject) (s consent.Snapshot, age func() time.Duration, ok bool) {
	if c.entries == nil || c.config.Watermark == nil {
		return s, nil, false
	}
	// The watermark comes first: the entry is looked for in what was known then, or later.
	watermark := c.config.Watermark()
	if watermark == 0 {
		return s, nil, false
	}
	hash, h := c.hash(subject), c.history.Load()
	announced, floor := h.of(hash)
	e := c.lookup(hash, subject, wanted{h, floor})
	if e == nil {
		return s, nil, false
	}
	age = func() time.Duration { return c.config.Clock() - watermark }
	return e.body.snapshot(e.person, max(e.asOf, announced)), age, true
}
