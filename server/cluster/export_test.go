package cluster

// The flaws that tests plant.
func (c *FeedConfig) SkipGaps()    { c.flaws.skipsGaps = true }
func (c *FeedConfig) IgnoreChain() { c.flaws.ignoresChain = true }
func (c *FeedConfig) TrustHints()  { c.flaws.trustsHints = true }

func (c *Config) SkipGaps()        { c.flaws.skipsGaps = true }
func (c *Config) IgnoreChain()     { c.flaws.ignoresChain = true }
func (c *Config) TrustHints()      { c.flaws.trustsHints = true }
func (c *Config) CountFromAnswer() { c.flaws.countsFromAnswer = true }
func (c *Config) ExtendAlways()    { c.flaws.extendsAlways = true }
func (c *Config) StandAlways()     { c.flaws.standsAlways = true }
func (c *Config) JudgeOldLooks()   { c.flaws.judgesOldLooks = true }
func (c *Config) IgnoreServer()    { c.flaws.ignoresServer = true }

// Held is how long others take a node to be alive.
var Held = held
