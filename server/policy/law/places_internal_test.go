package law

import (
	"fmt"
	"slices"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// nowhere is a code that no country will ever have.
const nowhere = "XA"

// everyPlace are all codes of countries that there may be, and all of parts of the US.
func everyPlace() (codes []string) {
	for first := 'A'; first <= 'Z'; first++ {
		for last := 'A'; last <= 'Z'; last++ {
			codes = append(codes, string([]rune{first, last}), "US-"+string([]rune{first, last}))
		}
	}
	return codes
}

// said is what the terms of the invariants say of who lives in a place, and of a recipient there.
func said(place string, at consent.Instant) string {
	request, state := &consent.Request{}, &consent.State{}
	request.Recipient.Country, state.Jurisdiction.Value = place, place
	f := (&Allow{Request: request, State: state, Now: at, Table: &tree.Table{}}).facts()
	return fmt.Sprint(f.europe(), f.gdpr(), f.ccpa(), f.appi(), f.abroad(), f.consentAge(),
		f.stateAsks(askForSpecial), f.stateAsks(honourGPC))
}

// TestPlacesAreAllThatTheLawNames: of a place that Places leaves out the invariants say what they say of nowhere, and
// of each that it has something else, at some instant.
func TestPlacesAreAllThatTheLawNames(t *testing.T) {
	places := Places()
	for _, place := range everyPlace() {
		var own bool
		for _, at := range instants() {
			own = own || said(place, at) != said(nowhere, at)
		}
		if own != slices.Contains(places, place) {
			t.Errorf("%s: the law has something of its own to say: %t, among Places: %t", place, own, !own)
		}
	}
	for _, probe := range Probes() {
		if !slices.Contains(places, probe) {
			t.Errorf("the probe %s is none of Places", probe)
		}
	}
}

// TestPlacesOfOneStandingAreOne: what the invariants say of two places of one standing is the same from then on.
func TestPlacesOfOneStandingAreOne(t *testing.T) {
	for i, now := range instants() {
		first := map[string]string{}
		for _, place := range everyPlace() {
			standing := Standing(place, now)
			if first[standing] == "" {
				first[standing] = place
			}
			for _, at := range instants()[i:] {
				if a, b := said(place, at), said(first[standing], at); a != b {
					t.Fatalf("%s and %s are one at %s, and not at %s: %s, %s", place, first[standing], now.Time(), at.Time(), a, b)
				}
			}
		}
		if len(first) < 8 {
			t.Errorf("%d standings at %s: the test says little", len(first), now.Time())
		}
	}
}

// instants are before all acts, and when each begins, in order.
func instants() []consent.Instant {
	all := []consent.Instant{date("2018-05-25"), danishAct}
	for _, since := range []map[string]consent.Instant{askForSpecial, honourGPC} {
		for _, at := range since {
			all = append(all, at)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(all)))
}
