package app

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/cluster"
)

// membership says until when a node of a shared store may answer from its cache. The member is set before anything is
// read: the cache has to be there before it.
type membership struct {
	member atomic.Pointer[cluster.Member]
}

// Until is that of cluster.Member.
func (s *membership) Until() int64 {
	if m := s.member.Load(); m != nil {
		return m.Until()
	}
	return 0
}

// Holds is that of cluster.Member.
func (s *membership) Holds(until int64) bool {
	m := s.member.Load()
	return m != nil && m.Holds(until)
}

// Watermark is that of the member's feed.
func (s *membership) Watermark() time.Duration {
	if m := s.member.Load(); m != nil {
		return m.Feed().Watermark()
	}
	return 0
}

// What nodesCollector tells.
var (
	feedApplied = prometheus.NewDesc("consentd_feed_applied_revision",
		"The revision up to which this node has applied all changes of the store.", nil, nil)
	feedLag = prometheus.NewDesc("consentd_feed_lag_revisions",
		"Changes that this node saw at its newest look at the database and has not applied.", nil, nil)
	feedAge = prometheus.NewDesc("consentd_feed_watermark_age_seconds",
		"How long ago this node last knew itself to be caught up with the store.", nil, nil)
	historyLost = prometheus.NewDesc("consentd_store_history_lost_total",
		"How often the store turned out to have lost changes that this node had applied: see to its standbys and backups.", nil, nil)
	feedGivenUp = prometheus.NewDesc("consentd_feed_given_up_total",
		"How often this node had been away for so long that it began with an empty cache.", nil, nil)
	nodeStanding = prometheus.NewDesc("consentd_node_standing",
		"1 while this node may answer from its cache: it holds its lease and is caught up.", nil, nil)
	nodesCounted = prometheus.NewDesc("consentd_nodes", "Nodes of the store, as this one sees them.", []string{"state"}, nil)
	renewals     = prometheus.NewDesc("consentd_node_renewals_total", "Renewals of this node's lease.", []string{"outcome"}, nil)
)

// nodesCollector tells how this node stands to the others of its store.
type nodesCollector struct{ app *App }

// Describe implements prometheus.Collector.
func (c nodesCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		feedApplied, feedLag, feedAge, historyLost, feedGivenUp, nodeStanding, nodesCounted, renewals,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c nodesCollector) Collect(out chan<- prometheus.Metric) {
	counter, s := counterTo(out), c.stats()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(feedApplied, float64(s.Feed.Applied))
	gauge(feedLag, float64(s.Feed.Lag))
	gauge(feedAge, c.age().Seconds())
	gauge(nodeStanding, oneIf(s.Standing))
	counter(historyLost, s.Feed.Lost)
	counter(feedGivenUp, s.Feed.GivenUp)
	counter(renewals, s.Renewals-s.RenewalErrors, "ok")
	counter(renewals, s.RenewalErrors, "failed")
	for state, n := range c.states() {
		gauge(nodesCounted, float64(n), state)
	}
}

// stats are those of the member. An embedded store's node is always caught up.
func (c nodesCollector) stats() cluster.Stats {
	if m := c.app.member; m != nil {
		return m.Stats()
	}
	return cluster.Stats{Standing: true, Feed: cluster.FeedStats{Applied: c.app.states.Applied()}}
}

// age is how old the newest look at the database is that showed nothing new.
func (c nodesCollector) age() time.Duration {
	if m := c.app.member; m != nil {
		return cluster.Boottime() - m.Feed().Watermark()
	}
	return 0
}

var nodesByState = map[cluster.State]string{cluster.Alive: "alive", cluster.Dead: "dead", cluster.Left: "left"}

// states counts the nodes by state.
func (c nodesCollector) states() map[string]int {
	counts := map[string]int{"alive": 0, "dead": 0, "left": 0}
	if c.app.member == nil {
		counts["alive"] = 1
		return counts
	}
	for _, n := range c.app.member.View().Nodes {
		counts[nodesByState[n.State]]++
	}
	return counts
}
