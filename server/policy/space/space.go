package space

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/law"
)

// Space is the finite space of requests about one purpose, and of people, that the rules of one or several sets
// can tell apart. It is for one goroutine.
type Space struct {
	controller, purpose string
	now                 consent.Instant
	dims                []dimension
	// made is what events make.
	made map[madeKey]*made
	// recipient and country are the dimensions of the recipient's kind and country; known that of whether the
	// subject is, erasure that of erasures.
	recipient, country, known, erasure int
	// named is that of the consent record of the request's recipient.
	named int
	// best is the consent at which the search for what is allowed begins.
	best uint8
	// probes are a few places of different law.
	probes []uint8
}

// Point names a situation of a space: a value of each dimension. Points of one space are equal if they name the
// same values.
type Point [maxDimensions]uint8

const (
	maxDimensions = 64
	maxValues     = 255
)

// The dimensions that have a role of their own in the walk, which begins with them.
const (
	dimConsent = iota
	dimPlace
	dimNow
)

// noConsent is the plain value of the first dimension.
const noConsent = 0

// Weight is how many dimensions are not plain: the plainest of several points says most clearly what is wrong.
func (p Point) Weight() (n int) {
	for _, v := range p {
		if v != 0 {
			n++
		}
	}
	return n
}

// Space derives the space of a purpose, which the controller need not declare.
func (v *Vocabulary) Space(purpose string) *Space {
	s := &Space{controller: v.controller, purpose: purpose, now: v.now}
	others := v.otherPurposes(purpose)
	c := &consents{
		purpose: purpose, notice: v.table.NoticeOf(purpose), countries: v.countryCodes(), request: atRequest, grant: atGrant,
	}
	s.dims = []dimension{
		dimConsent: newDimension("consent", ofConsent, append(c.coarse(), c.fine()...)),
		dimPlace:   newDimension("place", ofProfile, v.jurisdictions()),
		dimNow:     newDimension("now", ofSubject, v.instants()),
	}
	s.best = s.dims[dimConsent].at(best)
	elsewhere := &toOthers{purposes: others, covering: v.covering(purpose), table: v.table, countries: v.countryCodes()}
	s.named = s.add("recipient's consent", ofConsent, c.named())
	s.add("other consents", ofConsent, elsewhere.values())
	s.addSubject(v, others)
	s.addRequest(v, others)
	s.probes = s.dims[dimPlace].places(append(law.Probes(), plain)...)
	return s
}

// add appends a dimension and returns its place.
func (s *Space) add(name string, k kind, values []value) int {
	s.dims = append(s.dims, newDimension(name, k, values))
	return len(s.dims) - 1
}

// addOpposing appends a dimension of what the subject says against a processing.
func (s *Space) addOpposing(name string, values []value) {
	s.dims[s.add(name, ofSubject, values)].opposes = true
}

// addSubject appends the dimensions of the subject's state, but for consents.
func (s *Space) addSubject(v *Vocabulary, others []string) {
	s.addOpposing("objection", objections(s.purpose, others))
	s.add("restriction", ofSubject, restrictions(s.purpose))
	s.addOpposing("opt-out of sale", optOuts(consent.SaleOrSharing))
	s.addOpposing("opt-out of sensitive use", optOuts(consent.SensitiveDataUse))
	s.addOpposing("gpc", signals("gpc", gpc))
	s.addOpposing("dnt", signals("dnt", dnt))
	s.erasure = s.add("erasure", ofSubject, erasures())
	s.add("account", ofProfile, accounts())
	s.add("activity", ofProfile, activities(v.table))
	s.add("retention", ofProfile, retentions())
	s.add("age", ofProfile, v.agesKnown())
	s.add("relationship", ofProfile, relationships(s.controller))
	s.known = s.add("known", ofSubject, []value{{}, {label: "unknown subject", unknown: true}})
}

// addRequest appends the dimensions of the request.
func (s *Space) addRequest(v *Vocabulary, others []string) {
	s.recipient = s.add("recipient", ofRequest, v.recipientKinds())
	s.country = s.add("country", ofRequest, v.countries())
	s.add("data", ofRequest, v.dataCategories())
	for _, name := range sortedKeys(v.flags) {
		s.add(name, ofRequest, flagValues(name))
	}
	for _, name := range sortedKeys(v.facts) {
		s.add(name, ofRequest, v.factValues(name, s.purpose, others))
	}
}

// canonical is the plainest point that makes the same situation: of an unknown subject there are no facts, and
// none of the profile after an erasure that was completed.
func (s *Space) canonical(p Point) Point {
	unknown := p[s.known] != 0
	if !unknown && s.ending(p) == 0 {
		return p
	}
	for d := range s.dims {
		kind := s.dims[d].kind
		if unknown && kind != ofRequest && d != s.known && d != dimNow || kind == ofProfile {
			p[d] = 0
		}
	}
	return p
}

// ending is the value of the erasure, if it completes one; else 0.
func (s *Space) ending(p Point) uint8 {
	if s.dims[s.erasure].values[p[s.erasure]].completes {
		return p[s.erasure]
	}
	return 0
}

// covering is the purpose that the table names as covering this one; empty: none.
func (v *Vocabulary) covering(purpose string) string {
	if r := v.table.Purposes[purpose]; r != nil {
		return r.CoveredBy
	}
	return ""
}

// otherPurposes are those that the table declares besides this one.
func (v *Vocabulary) otherPurposes(purpose string) []string {
	return slices.DeleteFunc(sortedKeys(v.table.Purposes), func(p string) bool {
		return p == purpose || v.table.Purposes[p].Prohibited
	})
}

func (v *Vocabulary) countryCodes() []string {
	return slices.DeleteFunc(v.placeCodes(), func(code string) bool { return len(code) != 2 })
}

// instants are now, and each later date from which a table's version counts.
func (v *Vocabulary) instants() []value {
	out := []value{{}}
	for _, d := range sortedKeys(v.dates) {
		if d > v.now {
			out = append(out, value{label: "asked on " + d.Time().Format("2006-01-02"), now: d})
		}
	}
	return out
}
