package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Chooser makes a generator's choices: a seeded *rand.Rand, or a fuzzer's bytes.
type Chooser interface {
	// IntN returns a number in [0, n).
	IntN(n int) int
}

// Generator makes random valid events and subjects. The same choices give the same values, so a failure can be
// repeated.
//
// Times, purposes and recipients come from small sets on purpose: ties, late arrivals and events about the same record
// are the rule. It is not safe for concurrent use.
type Generator struct {
	choose Chooser
	next   int
	// ids are those of the events made so far.
	ids []string
}

// NewGenerator returns a generator that draws from a random sequence of its own.
func NewGenerator(seed uint64) *Generator {
	return NewGeneratorFrom(rand.New(rand.NewPCG(seed, 0)))
}

// NewGeneratorFrom returns a generator that lets choose make every choice.
func NewGeneratorFrom(choose Chooser) *Generator { return &Generator{choose: choose} }

// Epoch is when generated events begin to happen; they all lie within a minute of it.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	purposes   = []string{"analytics", "marketing_email", "personalization", "third_party_disclosure"}
	recipients = []string{"acme", "globex", "initech"}
	countries  = []string{"DE", "JP", "US"}
	places     = []string{"", "DE", "US-CA"}
	// intoSecond makes ties within a second and at its end.
	intoSecond = []time.Duration{0, 300 * time.Millisecond, time.Second - 1}
)

// Subject returns a subject whose id no other of this generator has.
func (g *Generator) Subject() consent.Subject {
	g.next++
	return consent.Subject{Controller: "example", ID: fmt.Sprintf("subject-%d", g.next)}
}

// Events returns n events with ids of their own.
func (g *Generator) Events(n int) []consent.Event {
	events := make([]consent.Event, n)
	for i := range events {
		events[i] = g.Event()
	}
	return events
}

// Event returns an event that Validate finds no fault with, of any kind, with an id that no other of this generator
// has.
func (g *Generator) Event() consent.Event {
	g.next++
	e := consent.Event{
		// The number that is drawn comes first: ids must not sort by age.
		ID:         fmt.Sprintf("%02x-event-%d", g.choose.IntN(256), g.next),
		OccurredAt: consent.InstantOf(Epoch.Add(time.Duration(g.choose.IntN(8))*time.Second + pick(g, intoSecond))),
		Source:     pick(g, []string{"privacy_settings", "support", consent.SourceImport, "crm_import"}),
		Evidence:   pick(g, []string{"", "https://example.com/receipt"}),
	}
	e.Fact = g.fact(e)
	switch f := e.Fact.(type) {
	case consent.OptOut:
		if f.Lifted {
			e.Evidence = "https://example.com/confirmation"
		}
	case consent.Erasure:
		if f.Stage == consent.ErasureRestarted {
			e.Evidence = "urn:ticket:7"
		}
	case consent.Annulment:
		e.Evidence = "urn:ticket:8"
	}
	g.ids = append(g.ids, e.ID)
	return e
}

func (g *Generator) fact(e consent.Event) consent.Fact {
	if g.choose.IntN(16) == 1 && len(g.ids) > 0 {
		return consent.Annulment{EventID: pick(g, g.ids)}
	}
	switch g.choose.IntN(10) {
	case 0, 1, 2, 3:
		return g.consent(e)
	case 4:
		return consent.Objection{Purposes: some(g, purposes), Lifted: g.bool()}
	case 5:
		return consent.Restriction{Ground: consent.Ground(1 + g.choose.IntN(4)), Purposes: some(g, purposes), Lifted: g.bool()}
	case 6:
		return consent.OptOut{Kind: consent.OptOutKind(1 + g.choose.IntN(2)), Lifted: g.bool()}
	case 7:
		return consent.Signals{GPC: g.signal(), DNT: g.signal()}
	case 8:
		return consent.Erasure{Stage: consent.Stage(1 + g.choose.IntN(5))}
	}
	return g.profile(e)
}

func (g *Generator) consent(e consent.Event) consent.Consent {
	c := consent.Consent{
		Purpose:       pick(g, purposes),
		Status:        consent.Status(1 + g.choose.IntN(5)),
		NoticeVersion: uint32(1 + g.choose.IntN(3)),
		Explicit:      g.bool(),
		GivenBy:       consent.Actor(g.choose.IntN(3)),
		Recipients:    some(g, recipients),
		Countries:     some(g, countries),
	}
	if c.Status == consent.Given && g.bool() {
		c.ExpiresAt = e.OccurredAt + consent.Instant(time.Duration(1+g.choose.IntN(3))*time.Hour)
	}
	return c
}

func (g *Generator) profile(e consent.Event) (p consent.Profile) {
	if g.bool() {
		p.Jurisdiction = new(pick(g, places))
	}
	if g.bool() {
		p.Age = &consent.Age{Min: int16(g.choose.IntN(20) - 1), Max: int16(g.choose.IntN(20) - 1)}
	}
	p.AccountStatus = consent.AccountStatus(g.choose.IntN(3))
	p.LastActivityAt = g.instant(e)
	p.RetentionUntil = g.instant(e)
	if g.bool() {
		p.Relationship = &consent.Relationship{
			LastSaleAt: g.instant(e), SellingEntity: pick(g, recipients), OptOutOffered: g.bool(),
		}
	}
	return p
}

// instant returns the absent one or one of two near e.
func (g *Generator) instant(e consent.Event) consent.Instant {
	n := g.choose.IntN(3)
	if n == 0 {
		return 0
	}
	return e.OccurredAt + consent.Instant(n)
}

func (g *Generator) signal() *bool {
	switch g.choose.IntN(3) {
	case 0:
		return nil
	case 1:
		return new(false)
	}
	return new(true)
}

func (g *Generator) bool() bool { return g.choose.IntN(2) == 1 }

func pick[T any](g *Generator, from []T) T { return from[g.choose.IntN(len(from))] }

// some returns nothing as often as one or two of from.
func some(g *Generator, from []string) []string {
	n := g.choose.IntN(4) - 1
	if n <= 0 {
		return nil
	}
	first := g.choose.IntN(len(from) - n + 1)
	return from[first : first+n : first+n]
}
