package cluster

// The flaws that tests plant.
func (c *FeedConfig) SkipGaps()    { c.flaws.skipsGaps = true }
func (c *FeedConfig) IgnoreChain() { c.flaws.ignoresChain = true }
func (c *FeedConfig) TrustHints()  { c.flaws.trustsHints = true }
