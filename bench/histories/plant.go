package main

import (
	"fmt"
	"maps"
	"slices"
)

// plant is a fault of the server that the checker must find.
type plant struct {
	edits []edit
	// shared says that it shows with several nodes only.
	shared bool
	// only are the faults beside which it shows soonest; none: without any.
	only []string
}

var plants = map[string]plant{
	"floor not raised": {
		edits: []edit{{"server/cache/floors.go", "raise(&f.slots[slotOf(hash)], uint64(r))", "_ = hash"}},
	},
}

// plantNamed are a plant's edits; none for no name.
func plantNamed(name string) ([]edit, error) {
	p, known := plants[name]
	if name != "" && !known {
		return nil, fmt.Errorf("no plant is called %q: give one of %q", name, slices.Sorted(maps.Keys(plants)))
	}
	return p.edits, nil
}
