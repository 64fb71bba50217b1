package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// History is what RecordHistory recorded.
type History struct {
	// Links counts the events that say who is who, Refused the batches that were refused.
	Links, Refused int
	controller     string
	world          *world
	batches        []consent.Batch
}

// RecordHistory records a random history of events, links, partings, shared ids and annulments of a few ids, under a
// controller of its own, and compares after each change what the store says with a model. In the end all links are
// parted.
func RecordHistory(t testing.TB, s store.Store, seed uint64) History {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 14))
	h := &historian{
		t: t, Store: s, random: r, generator: NewGeneratorFrom(r),
		History: History{controller: fmt.Sprintf("history-%d", seed), world: &world{}},
	}
	for range 8 + r.IntN(24) {
		h.step()
	}
	h.partAll()
	return h.History
}

// Check compares what a store keeps with what was recorded in it.
func (r History) Check(t testing.TB, s store.Store) {
	t.Helper()
	(&historian{t: t, Store: s, History: r}).check()
}

// Replay records the same batches again, under another controller, and compares.
func (r History) Replay(t testing.TB, s store.Store) {
	t.Helper()
	again := "again-" + r.controller
	for _, b := range r.batches {
		b.Subject.Controller = again
		if _, err := s.Record(context.Background(), b); err != nil {
			t.Fatalf("%s: recording again: %v", r.controller, err)
		}
	}
	r.controller = again
	r.Check(t, s)
}

// historian records a history.
type historian struct {
	t testing.TB
	store.Store
	random    *rand.Rand
	generator *Generator
	// at is when the next batch is recorded.
	at consent.Instant
	History
}

// historyIDs are of all kinds, so that either side of a link comes to be the linked one.
var historyIDs = []string{"account:1", "account:2", "cookie:a", "cookie:b", "email_hmac:c", "plain-1", "plain-2"}

func (h *historian) step() {
	h.t.Helper()
	h.at = consent.InstantOf(Epoch) + consent.Instant(h.random.IntN(18))*5e8
	id := h.id()
	switch n := h.random.IntN(100); {
	case n < 36:
		h.events(id)
	case n < 68:
		h.link(id, h.id())
	case n < 80:
		h.unlink(id, h.id())
	case n < 90:
		h.one(id, consent.Sharing{Shared: h.random.IntN(3) > 0})
	default:
		h.annul(id)
	}
}

func (h *historian) id() string { return historyIDs[h.random.IntN(len(historyIDs))] }

// events records a batch that says nothing of who is who. Erasures are few: while one stands little else is recorded.
func (h *historian) events(id string) {
	h.t.Helper()
	events := h.generator.Events(1 + h.random.IntN(3))
	for i := range events {
		if _, ok := events[i].Fact.(consent.Erasure); ok && h.random.IntN(3) > 0 {
			events[i].Fact = withdrawal()
		}
	}
	err := h.record(id, events)
	if isLinkError(err) && !slices.ContainsFunc(events, func(e consent.Event) bool { return e.Fact.KindName() == "annulment" }) {
		h.t.Fatalf("%s: events refused by %v", h.controller, err)
	}
}

func isLinkError(err error) bool {
	return slices.ContainsFunc([]error{
		consent.ErrBothShared, consent.ErrLinkedAlready, consent.ErrNotLinked, consent.ErrPersonTooLarge, consent.ErrSharedTooWidely,
	}, func(is error) bool { return errors.Is(err, is) })
}

func (h *historian) link(id, other string) {
	h.t.Helper()
	switch {
	case id == other:
	case h.random.IntN(2) == 0:
		h.one(id, consent.LinkOf(id, other))
	default:
		h.one(id, consent.Link{With: other, Linked: h.random.IntN(2) == 0})
	}
}

// unlink parts what is linked, mostly.
func (h *historian) unlink(id, other string) {
	h.t.Helper()
	links, _ := h.world.standing()
	for _, candidate := range historyIDs {
		if _, linked := links[pair(id, candidate)]; linked {
			other = candidate
		}
	}
	if id != other {
		h.one(id, consent.Unlink{With: other})
	}
}

// one records an event of one id alone, and compares the answer with the model's.
func (h *historian) one(id string, fact consent.Fact) {
	h.t.Helper()
	e := h.generator.Event()
	e.Fact, e.Evidence, e.Source = fact, "urn:ticket:9", "support"
	before := h.world.clone()
	err := h.record(id, []consent.Event{e})
	if want := before.refusal(id, e, h.at); (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) {
		h.t.Fatalf("%s: %s under %s: error %v, the model says %v", h.controller, describe(e), id, err, want)
	}
}

// refusal is why a link, a parting or a sharing must be refused; nil: it must not.
func (w *world) refusal(id string, e consent.Event, at consent.Instant) error {
	with := e.LinkedWith()
	if _, unlink := e.Fact.(consent.Unlink); unlink {
		links, _ := w.standing()
		if _, linked := links[pair(id, with)]; !linked {
			return consent.ErrNotLinked
		}
	}
	if w.erasureStands(id) || with != "" && w.erasureStands(with) {
		return consent.ErrErasureStands
	}
	next := w.clone()
	next.say(consent.Batch{Subject: consent.Subject{ID: id}, Events: []consent.Event{e}, RecordedAt: at}, 0)
	return next.fault()
}

// annul annuls any event, mostly one that says who is who.
func (h *historian) annul(id string) {
	h.t.Helper()
	var targets []saying
	for _, s := range h.world.said {
		if s.event.LinkKind() || h.random.IntN(4) == 0 {
			targets = append(targets, s)
		}
	}
	if len(targets) == 0 {
		return
	}
	target := targets[h.random.IntN(len(targets))]
	if h.random.IntN(4) > 0 {
		id = target.id
	}
	e := h.generator.Event()
	e.Fact, e.Evidence = consent.Annulment{EventID: target.event.ID}, "urn:ticket:8"
	_ = h.record(id, []consent.Event{e}) // refused or not: the states tell
}

func describe(e consent.Event) string { return fmt.Sprintf("%s %#v", e.ID, e.Fact) }

// record records a batch, and where it is accepted compares all that may differ after it with the model.
func (h *historian) record(id string, events []consent.Event) error {
	h.t.Helper()
	by := []consent.Identity{{}, mailer, portal}[len(h.batches)%3]
	batch := consent.Batch{Subject: h.subject(id), Events: events, RecordedAt: h.at, By: by}
	got, err := h.Record(context.Background(), batch)
	if err != nil {
		h.Refused++
		return err
	}
	before := h.world.clone()
	for _, e := range events {
		if e.LinkKind() {
			h.Links++
		}
	}
	h.world.say(batch, got.Revision)
	h.batches = append(h.batches, batch)
	if err := h.world.fault(); err != nil {
		h.t.Fatalf("%s: accepted, but %v: %s", h.controller, err, describe(events[0]))
	}
	h.checkAlso(before, append(got.Also, id))
	h.check()
	return nil
}

// equal compares states by their binary form, which is canonical.
func equal(a, b *consent.State) bool {
	formA, _ := a.AppendBinary(nil)
	formB, _ := b.AppendBinary(nil)
	return bytes.Equal(formA, formB)
}

func (h *historian) subject(id string) consent.Subject {
	return consent.Subject{Controller: h.controller, ID: id}
}

// checkAlso fails unless an id is named of which anything differs after a change.
func (h *historian) checkAlso(before *world, named []string) {
	h.t.Helper()
	for _, id := range h.world.ids() {
		if slices.Contains(named, id) {
			continue
		}
		was, is := before.person(id), h.world.person(id)
		if !equal(before.state(id), h.world.state(id)) || !slices.Equal(was.IDs, is.IDs) || !slices.Equal(was.Shared, is.Shared) {
			h.t.Fatalf("%s: %s changed, but only %v are named", h.controller, id, named)
		}
	}
}

// check compares what the store says of each id with the model.
func (h *historian) check() {
	h.t.Helper()
	keys := map[consent.PersonKey]string{}
	for _, id := range h.world.ids() {
		got, err := h.Read(context.Background(), h.subject(id))
		if err != nil {
			h.t.Fatal(err)
		}
		if want := h.world.state(id); !equal(want, got.State) {
			diff := cmp.Diff(want, got.State, cmpopts.EquateEmpty())
			h.t.Fatalf("%s: state of %s (-model +store):\n%s", h.controller, id, diff)
		}
		h.checkPerson(id, got.Person, keys)
		h.checkEvents(id)
	}
}

// checkPerson: the ids of one person have one key, which nobody else has; who stands alone or is shared has none.
func (h *historian) checkPerson(id string, key consent.PersonKey, keys map[consent.PersonKey]string) {
	h.t.Helper()
	want := h.world.person(id)
	got, err := h.Person(context.Background(), h.subject(id))
	if err != nil {
		h.t.Fatal(err)
	}
	if !slices.Equal(want.IDs, got.IDs) || !slices.Equal(want.Shared, got.Shared) {
		h.t.Fatalf("%s: person of %s is %v, the model says %v", h.controller, id, got, want)
	}
	alone := len(want.IDs)+len(want.Shared) == 1 || h.world.shared(id)
	if alone != (key == consent.PersonKey{}) {
		h.t.Fatalf("%s: the key of %s is %v", h.controller, id, key)
	}
	if first, ok := keys[key]; ok && !alone && first != want.IDs[0] {
		h.t.Fatalf("%s: %s has the key of %s", h.controller, id, first)
	}
	if !alone {
		keys[key] = want.IDs[0]
	}
}

func (h *historian) checkEvents(id string) {
	h.t.Helper()
	var want, got []string
	for _, s := range h.world.ledger(id) {
		want = append(want, s.event.ID+" by "+s.by.String())
	}
	for page := (consent.Page{Limit: 3}); ; {
		entries, err := h.Events(context.Background(), h.subject(id), page)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range entries.Entries {
			got = append(got, e.Event.ID+" by "+e.By.String())
		}
		if page.After = entries.Next; page.After == "" {
			break
		}
	}
	if !slices.Equal(want, got) {
		h.t.Fatalf("%s: events of %s are %v, the model says %v", h.controller, id, got, want)
	}
}

// partAll takes all sharings back and parts all links, after restarting where an erasure stands in the way, as far as
// that is possible. Who has no links then has what was said under the id itself, and the erasures that were completed
// while it was of a person.
func (h *historian) partAll() {
	h.t.Helper()
	h.at = consent.InstantOf(Epoch.Add(time.Hour))
	links, _ := h.world.standing()
	for _, a := range historyIDs {
		for _, b := range historyIDs {
			if links[[2]string{a, b}] != "" {
				h.restart(a)
				h.restart(b)
				h.late(a, consent.Unlink{With: b})
			}
		}
		if h.world.shared(a) {
			h.restart(a)
			h.late(a, consent.Sharing{})
		}
	}
	links, shared := h.world.standing()
	for _, id := range h.world.ids() {
		linked := false
		for ids := range links {
			linked = linked || ids[0] == id || ids[1] == id
		}
		if linked || shared[id] {
			continue
		}
		alone := &world{}
		for _, s := range h.world.said {
			if _, annuls := s.event.Fact.(consent.Annulment); annuls || s.under([]string{id}) {
				alone.said = append(alone.said, s)
			}
		}
		got, err := h.Read(context.Background(), h.subject(id))
		if err != nil {
			h.t.Fatal(err)
		}
		if diff := cmp.Diff(alone.state(id), got.State, cmpopts.EquateEmpty()); diff != "" {
			h.t.Fatalf("%s: %s, parted from all, has not its own back (-own +store):\n%s", h.controller, id, diff)
		}
	}
}

// restart restarts after an erasure that was completed.
func (h *historian) restart(id string) {
	h.t.Helper()
	if h.world.erasureStands(id) {
		h.late(id, consent.Erasure{Stage: consent.ErasureRestarted})
	}
}

// late records an event that is newer than all others.
func (h *historian) late(id string, fact consent.Fact) {
	h.t.Helper()
	e := h.generator.Event()
	e.Fact, e.Evidence, e.Source, e.OccurredAt = fact, "urn:ticket:9", "support", h.at
	_ = h.record(id, []consent.Event{e}) // refused while an erasure stands that was not completed
}
