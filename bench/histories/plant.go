package main

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// plant is a fault of the server that the checker must find.
type plant struct {
	edits []edit
	// shared says that it shows with several nodes only.
	shared bool
	// only are the faults beside which it shows soonest; none: without any.
	only []string
	// with changes how the history is made, so that it shows soon; nil: nothing.
	with func(*options)
}

const (
	feedFile  = "server/cluster/feed.go"
	lookFile  = "server/cluster/feed_look.go"
	leaseFile = "server/cluster/lease.go"
)

var plants = map[string]plant{
	"floor not raised": {
		edits: []edit{{"proto/consent/v1/remembered/remembered.go", "raise(&f.slots[slot], revision)", "_, _ = slot, revision"}},
	},
	"feed skips a late commit": {
		shared: true,
		edits: []edit{{lookFile, "if f.config.Observers.After != nil {",
			"if f.config.Observers.After != nil && e.Revision%8 != 0 {"}},
	},
	"lease ignored": {
		shared: true,
		edits:  []edit{{"server/cluster/member.go", "if m.config.flaws.standsAlways {", "if true {"}},
		only:   []string{"database cut off from a node", "node stopped for longer than a lease"},
	},
	"lease counted from the answer": {
		shared: true,
		edits:  []edit{{leaseFile, "if l.flaws.countsFromAnswer {", "if true {"}},
		only:   []string{answersLate},
		with: func(o *options) {
			o.lease, o.staleness, o.duration = 40*time.Second, time.Minute, 5*time.Minute // more than the margins hide
		},
	},
	"hint trusted without polling": {
		shared: true,
		edits: []edit{
			{feedFile, "		more, err := f.look()\n", "		more, err := f.lookIfHinted()\n"},
			{feedFile, "	case <-timer:\n	case <-hints:\n", "	case <-timer:\n		f.quiet = true\n	case <-hints:\n"},
			{feedFile, "type Feed struct {\n", "type Feed struct {\n	quiet bool\n"},
			{feedFile, "func (f *Feed) run() {\n", lookIfHinted + "func (f *Feed) run() {\n"},
		},
		only: []string{"database half-open at a node", "database cut off from a node"},
	},
	"chain not compared": {
		shared: true,
		edits:  []edit{{lookFile, "return a != b && !f.config.flaws.ignoresChain", "return false"}},
		only:   []string{asynchronousLoss},
	},
	"replica's freshness taken from the primary": {
		shared: true,
		edits: []edit{
			{"server/store/postgres/read.go",
				"if err == nil && r.at.Revision >= floor && s.show(ctx, r.at) == nil {\n			return r.snapshot(), nil",
				"if err == nil {\n			return r.row.Snapshot(s.Applied()), nil"},
		},
		only: []string{"read replica behind"},
	},
}

// lookIfHinted takes for new only what somebody has said is new.
const lookIfHinted = `func (f *Feed) lookIfHinted() (more bool, err error) {
	if !f.quiet {
		return f.look()
	}
	f.quiet = false
	f.watermark.Store(int64(f.config.Clock()))
	call(f.config.Reached, Reached{Began: f.config.Clock(), Server: f.Server()})
	return false, nil
}

`

// plantNamed are a plant's edits; none for no name.
func plantNamed(name string) ([]edit, error) {
	p, known := plants[name]
	if name != "" && !known {
		return nil, fmt.Errorf("no plant is called %q: give one of %q", name, slices.Sorted(maps.Keys(plants)))
	}
	return p.edits, nil
}
