package consent_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Every value has a name of its own, names parse back, and foreign values are shown as such.
func TestEnums(t *testing.T) {
	seen := map[string]bool{}
	for c := consent.BasisHolds; c.Known(); c++ {
		if back, ok := consent.ParseReasonCode(c.String()); !ok || back != c || seen[c.String()] {
			t.Errorf("reason %d: name %q parses as %d, %v", c, c, back, ok)
		}
		seen[c.String()] = true
	}
	for c := consent.DeactivateAccount; c.Known(); c++ {
		if back, ok := consent.ParseObligationCode(c.String()); !ok || back != c {
			t.Errorf("obligation %d: name %q parses as %d, %v", c, c, back, ok)
		}
	}
	for b := consent.BasisConsent; b.Known(); b++ {
		if back, ok := consent.ParseBasis(b.String()); !ok || back != b {
			t.Errorf("basis %d: name %q parses as %d, %v", b, b, back, ok)
		}
	}
	for i := range 256 {
		for name, known := range map[string]bool{
			consent.ReasonCode(i).String(): consent.ReasonCode(i).Known(), consent.Basis(i).String(): consent.Basis(i).Known(),
			consent.ObligationCode(i).String(): consent.ObligationCode(i).Known(),
		} {
			if known == strings.HasPrefix(name, "UNKNOWN(") {
				t.Errorf("%s, %d, is known: %v", name, i, known)
			}
		}
	}
	for _, name := range []string{consent.Status(99).String(), consent.Stage(0).String(), consent.RecipientKind(8).String()} {
		if !strings.HasPrefix(name, "UNKNOWN(") {
			t.Errorf("foreign value is named %q", name)
		}
	}
	if !consent.NoticeUnknown.Known() || !consent.BasisAnonymizedInformation.Known() || !consent.ConfirmRecipientConsent.Known() {
		t.Error("the names do not go up to the last values")
	}
	if _, ok := consent.ParseEffect(""); ok {
		t.Error("the empty name parses as an effect")
	}
	if _, ok := consent.ParseReasonCode(""); ok {
		t.Error("the empty name parses as a reason")
	}
}

func TestZeroDecisionDenies(t *testing.T) {
	if (consent.Decision{}).Effect != consent.Deny || consent.Failed().Effect != consent.Deny {
		t.Error("a decision that nobody made does not deny")
	}
}

func TestInstant(t *testing.T) {
	if i := consent.InstantOf(time.Time{}); i != 0 || !i.Time().IsZero() {
		t.Errorf("the zero time is instant %d, back %v", i, i.Time())
	}
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	if got := consent.InstantOf(at).Time(); !got.Equal(at) {
		t.Errorf("got %v, want %v", got, at)
	}
}

func TestErrorTexts(t *testing.T) {
	err := &consent.EventError{Index: 1, ID: "x", Err: consent.ErrEventConflict}
	if !errors.Is(err, consent.ErrEventConflict) || !strings.Contains(err.Error(), "x") {
		t.Errorf("EventError %q does not name event and cause", err)
	}
	invalid := &consent.InvalidError{Violations: []consent.Violation{{Field: "a", Description: "b"}, {Field: "c", Description: "d"}}}
	if got := invalid.Error(); got != "a: b; c: d" {
		t.Errorf("InvalidError is %q", got)
	}
}
