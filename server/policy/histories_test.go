package policy_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
)

// histories is how many random histories each property is tried on; -histories 60000 is the full run.
var histories = flag.Int("histories", 3000, "random histories per property of decisions")

// history makes random histories of a subject of a shipped controller, and requests about it.
type history struct {
	*rand.Rand
	controller string
	purposes   []string
	now        consent.Instant
	n          int
}

func newHistory(set *policy.Set, seed uint64) *history {
	h := &history{Rand: rand.New(rand.NewPCG(seed, 12)), now: consent.InstantOf(corpusStart)}
	controllers := set.Describe().Controllers
	c := controllers[h.IntN(len(controllers))]
	h.controller = c.ID
	for _, p := range c.Purposes {
		h.purposes = append(h.purposes, p.Name)
	}
	return h
}

func of[T any](h *history, from ...T) T { return from[h.IntN(len(from))] }

// sometimes is what it is given, or nothing.
func sometimes[T any](h *history, v T) (out T) {
	if h.IntN(2) == 0 {
		out = v
	}
	return out
}

// events are a few about one purpose more than about others, at whole and broken seconds of the last two years, some at
// once.
func (h *history) events(purpose string) []consent.Event {
	out := make([]consent.Event, 0, 12)
	for range 2 + h.IntN(8) {
		at := h.now - consent.Instant(h.Int64N(int64(700*24*time.Hour)))
		if len(out) > 0 && h.IntN(8) == 0 {
			at = out[h.IntN(len(out))].OccurredAt
		}
		out = append(out, h.event(at, h.fact(purpose, at)))
	}
	return out
}

func (h *history) event(at consent.Instant, f consent.Fact) consent.Event {
	h.n++
	e := consent.Event{ID: fmt.Sprint(h.n), OccurredAt: at, Source: of(h, "support", "support", "crm_import"), Fact: f}
	e.Evidence = sometimes(h, "urn:proof")
	return e
}

func (h *history) fact(purpose string, at consent.Instant) consent.Fact {
	place, age := of(h, "DE", "FR", "RE", "GB", "JP", "US-CA", "US-CA", "US-CO", "US-TN", "BR", ""), h.IntN(20)
	switch h.IntN(10) {
	case 0, 1, 2, 3:
		return h.grant(purpose, at)
	case 4:
		return consent.Profile{Jurisdiction: &place}
	case 5:
		return consent.Profile{Age: &consent.Age{Min: int16(age), Max: int16(age)}, LastActivityAt: at}
	case 6:
		return consent.Objection{Purposes: sometimes(h, []string{purpose}), Lifted: true}
	case 7:
		off := false
		return consent.Signals{GPC: &off}
	case 8:
		return of[consent.Fact](h, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true},
			consent.Erasure{Stage: consent.ErasureCancelled},
			consent.Erasure{Stage: consent.ErasureRestarted}, consent.Consent{Purpose: purpose, Status: consent.Requested})
	}
	return h.restricting(purpose)
}

func (h *history) grant(purpose string, at consent.Instant) consent.Fact {
	c := consent.Consent{
		Purpose:  of(h, purpose, purpose, of(h, h.purposes...)),
		Status:   of(h, consent.Given, consent.Given, consent.Given, consent.Requested),
		Explicit: h.IntN(2) == 0, GivenBy: of(h, consent.BySubject, consent.BySubject, consent.ByParent, consent.ByAgent),
		Recipients: sometimes(h, []string{"partner"}), Countries: sometimes(h, []string{"US", "JP"}),
	}
	if c.Status == consent.Given {
		c.NoticeVersion = uint32(of(h, 1, 2, 3, 3, 4))
		c.ExpiresAt = sometimes(h, at+consent.Instant(h.Int64N(int64(900*24*time.Hour)))+1)
	}
	return c
}

// restricting is an event that restricts, no erasure.
func (h *history) restricting(purpose string) consent.Fact {
	on := true
	return of[consent.Fact](h,
		consent.Consent{Purpose: purpose, Status: of(h, consent.Refused, consent.Withdrawn, consent.Invalidated)},
		consent.Consent{Purpose: purpose, Status: consent.Withdrawn, Recipients: []string{"partner"}},
		consent.Objection{Purposes: sometimes(h, []string{purpose})},
		consent.Restriction{Ground: of(h, consent.AccuracyContested, consent.ObjectionPending),
			Purposes: sometimes(h, []string{purpose})},
		consent.OptOut{Kind: of(h, consent.SaleOrSharing, consent.SensitiveDataUse)},
		consent.Signals{GPC: &on}, consent.Signals{DNT: &on}, consent.Signals{GPC: &on, DNT: &on},
		consent.Profile{AccountStatus: consent.AccountClosed},
	)
}

func (h *history) request(purpose string) *consent.Request {
	r := &consent.Request{Subject: consent.Subject{Controller: h.controller, ID: "s"}, Purpose: purpose, Context: map[string]any{}}
	if h.IntN(2) == 0 {
		r.Recipient = consent.Recipient{
			Kind: consent.RecipientKind(h.IntN(int(consent.Authority)) + int(consent.Processor)), ID: "partner",
			Country: of(h, "", "", "US", "RE", "BR"),
		}
	}
	r.DataCategories = sometimes(h,
		[]string{of(h, "user.behavior", "user.health_and_medical", "user.device", "user.sensitive", "user.account.username")})
	for _, flag := range []string{"anonymized", "own_similar_product", "items_published"} {
		if h.IntN(3) == 0 {
			r.Context[flag] = true
		}
	}
	return r
}

// TestRestrictingNeverAllows: an event that restricts, and is newer than all on record, never turns DENY into ALLOW. A
// completed erasure is another matter: it ends the profile too, and with it what the law of a place denied.
func TestRestrictingNeverAllows(t *testing.T) {
	set := load(t)
	denied, turned := 0, 0
	for seed := range uint64(*histories) {
		h := newHistory(set, seed)
		purpose := of(h, h.purposes...)
		events, request := h.events(purpose), h.request(purpose)
		restricting := h.restricting(purpose)
		if h.IntN(8) == 0 {
			restricting = consent.Erasure{Stage: of(h, consent.ErasureRequested, consent.ErasureInProgress)}
		}
		before := decideOn(set, request, events, h.now)
		after := decideOn(set, request, append(slices.Clone(events), h.event(h.now-2*consent.Instant(time.Second), restricting)), h.now)
		if before.Effect == consent.Deny {
			denied++
		}
		if before.Effect != after.Effect {
			turned++
		}
		if before.Effect == consent.Deny && after.Effect == consent.Allow {
			t.Errorf("seed %d: %s %s: %v, and ALLOW after %+v; events %+v", seed, h.controller, purpose, before.Reasons, restricting, events)
		}
	}
	if denied < *histories/4 || turned < *histories/20 {
		t.Errorf("of %d histories %d were denied and %d turned: too few to show anything", *histories, denied, turned)
	}
	t.Logf("%d histories, %d of them denied before, %d turned from ALLOW to DENY", *histories, denied, turned)
}

func decideOn(set *policy.Set, r *consent.Request, events []consent.Event, now consent.Instant) consent.Decision {
	return set.Decide(context.Background(), r, &consent.Snapshot{State: consent.Fold(events)}, now)
}

// TestEnginesAgreeOnHistories: the compiled engine decides random states as topdown does.
func TestEnginesAgreeOnHistories(t *testing.T) {
	set := load(t)
	allowed := 0
	for seed := range uint64(*histories) {
		h := newHistory(set, seed+1<<32)
		purpose := of(h, h.purposes...)
		d, err := set.Compare(context.Background(), h.request(purpose), consent.Fold(h.events(purpose)), h.now)
		var difference *policy.DifferenceError
		if errors.As(err, &difference) || err != nil {
			t.Errorf("seed %d: %s %s: %v", seed, h.controller, purpose, err)
		}
		if d.Effect == consent.Allow {
			allowed++
		}
	}
	if allowed < *histories/20 {
		t.Errorf("%d of %d histories are allowed: too few to show anything", allowed, *histories)
	}
}

// instantsEach is how many instants of a decision's validity are tried.
const instantsEach = 17

// TestValidUntilIsNeverLateOnHistories: until its valid_until a decision stays what it is, by the clock alone.
func TestValidUntilIsNeverLateOnHistories(t *testing.T) {
	set := load(t)
	pairs, ended := 0, 0
	for seed := range uint64(*histories) {
		h := newHistory(set, seed+2<<32)
		purpose := of(h, h.purposes...)
		request, snapshot := h.request(purpose), &consent.Snapshot{State: consent.Fold(h.events(purpose))}
		start := h.now - consent.Instant(h.Int64N(int64(500*24*time.Hour)))
		d := set.Decide(context.Background(), request, snapshot, start)
		until := start + consent.Instant(20*365*24*time.Hour)
		if d.ValidUntil != 0 {
			until = d.ValidUntil
			ended++
		}
		for i := range instantsEach {
			at := until - 1
			if i > 0 {
				at = start + consent.Instant(h.Int64N(int64(until-start)))
			}
			later := set.Decide(context.Background(), request, snapshot, at)
			if space.AnswerOf(&d) != space.AnswerOf(&later) {
				t.Errorf("seed %d: %s %s: %v at %v until %v, and %v at %v", seed, h.controller, purpose, d.Reasons, start.Time(), until.Time(),
					later.Reasons, at.Time())
			}
			pairs++
		}
	}
	if ended < *histories/2 {
		t.Errorf("only %d of %d decisions end", ended, *histories)
	}
	t.Logf("%d pairs of subject and instant, %d decisions of %d with an end", pairs, ended, *histories)
}
