package consent_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

// randomLedgers are those of a few ids with links, partings, sharings, annulments and events among them, many of one
// instant.
func randomLedgers(r *rand.Rand) map[string][]consent.Entry {
	g, ledgers := storetest.NewGeneratorFrom(r), map[string][]consent.Entry{}
	id := func() string { return fmt.Sprint("id-", r.IntN(5)) }
	for range 20 {
		e := consent.Entry{Event: g.Event(), SubjectID: id()}
		other := id()
		switch n := r.IntN(8); {
		case n < 3 && other != e.SubjectID:
			e.Event.Fact = consent.Link{With: other, Linked: n == 0}
		case n == 3 && other != e.SubjectID:
			e.Event.Fact = consent.Unlink{With: other}
		case n == 4:
			e.Event.Fact = consent.Sharing{Shared: r.IntN(2) == 0}
		}
		ledgers[e.SubjectID] = append(ledgers[e.SubjectID], e)
		if e.Event.LinkedWith() != "" {
			ledgers[other] = append(ledgers[other], e.Mirrored(other))
		}
	}
	return mirrorAnnulments(ledgers)
}

// mirrorAnnulments puts each annulment also into the ledgers that hold what it annuls, as stores do.
func mirrorAnnulments(ledgers map[string][]consent.Entry) map[string][]consent.Entry {
	all := slices.Concat(slices.Collect(maps.Values(ledgers))...)
	for id, entries := range ledgers {
		for _, target := range entries {
			for _, e := range all {
				if f, ok := e.Event.Fact.(consent.Annulment); ok && f.EventID == target.Event.ID && e.SubjectID != id {
					ledgers[id] = append(ledgers[id], e)
				}
			}
		}
	}
	return ledgers
}

// TestPeopleDoNotDependOnTheOrderOfArrival: nor does what they read, nor from which of their ids one begins.
func TestPeopleDoNotDependOnTheOrderOfArrival(t *testing.T) {
	people := 0
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 2))
		ledgers := randomLedgers(r)
		for id := range ledgers {
			first := gather(t, ledgers, id)
			if len(first.Person(id).IDs) > 1 {
				people++
			}
			for other := range ledgers {
				shuffle(ledgers[other], r)
			}
			for _, start := range append(first.Person(id).IDs, id) {
				again := gather(t, ledgers, start)
				if first.Shared(start) != first.Shared(id) || first.Shared(id) && start != id {
					continue
				}
				if diff := cmp.Diff(first.Person(id), again.Person(start)); diff != "" {
					t.Fatalf("seed %d: person of %s and, from %s, again:\n%s", seed, id, start, diff)
				}
				if !bytes.Equal(encode(t, first.State(id)), encode(t, again.State(start))) {
					t.Fatalf("seed %d: the state of %s differs from that of %s", seed, id, start)
				}
			}
		}
	}
	if people < 400 {
		t.Errorf("only %d people of several ids: the test says little", people)
	}
}

func gather(t *testing.T, ledgers map[string][]consent.Entry, id string) *consent.Graph {
	t.Helper()
	g, err := consent.Gather([]string{id}, func(id string) ([]consent.Entry, error) { return ledgers[id], nil })
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestLinkSides: an account is the person's side of what it is linked to, and an address that of a plain id.
func TestLinkSides(t *testing.T) {
	for _, row := range []struct {
		subject, linked string
		turned          bool
	}{
		{"account:1", "email_hmac:a", false}, {"email_hmac:a", "account:1", true}, {"account:1", "7", false},
		{"7", "account:1", true}, {"7", "cookie:a", false}, {"cookie:a", "7", true}, {"7", "8", false},
		{"cookie:a", "device:b", false}, {"phone_e164_hmac:a", "email_sha256:b", false}, {"unknown:1", "cookie:a", false},
	} {
		if got := consent.LinkOf(row.subject, row.linked); got != (consent.Link{With: row.linked, Linked: row.turned}) {
			t.Errorf("%s to %s: %+v", row.subject, row.linked, got)
		}
	}
}
