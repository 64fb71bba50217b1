package cases

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/consentd/consentd/server/consent"
)

// Answer is a decision in bare names, as every reader of the corpus has it.
type Answer struct {
	Decision                string
	Reasons                 []string
	LegalBasis              string
	Obligations             []string
	PermittedDataCategories []string
}

// validate refuses names that no answer has: one that is misspelt among not_reasons would never be missed.
func (e *Expect) validate() error {
	for _, names := range []struct {
		key   string
		names []string
		known func(string) bool
	}{
		{"decision", []string{e.Decision}, is(consent.ParseEffect)},
		{"legal_basis", []string{e.LegalBasis}, is(consent.ParseBasis)},
		{"reasons", e.Reasons, is(consent.ParseReasonCode)},
		{"not_reasons", e.NotReasons, is(consent.ParseReasonCode)},
		{"obligations", e.Obligations, is(consent.ParseObligationCode)},
		{"not_obligations", e.NotObligations, is(consent.ParseObligationCode)},
	} {
		for _, name := range names.names {
			if name != "" && !names.known(name) {
				return fmt.Errorf("expect.%s: %q is no name that an answer has: mend it", names.key, name)
			}
		}
	}
	return nil
}

func is[T any](parse func(string) (T, bool)) func(string) bool {
	return func(name string) bool {
		_, ok := parse(name)
		return ok
	}
}

// Difference is one thing in which an answer is not as expected.
type Difference struct{ Got, Want string }

func (d Difference) String() string { return d.Got + ", want " + d.Want }

// Differences returns what an answer lacks or has against the expectation; none if it is as expected. An expected
// error is for the caller to compare.
func (e *Expect) Differences(a Answer) (diffs []Difference) {
	add := func(want, format string, args ...any) {
		diffs = append(diffs, Difference{Got: fmt.Sprintf(format, args...), Want: want})
	}
	if a.Decision != e.Decision {
		add(e.Decision, "decision = %s", a.Decision)
	}
	lists := []struct {
		what      string
		got, want []string
		present   bool
	}{
		{"reasons", a.Reasons, e.Reasons, true},
		{"reasons", a.Reasons, e.NotReasons, false},
		{"obligations", a.Obligations, e.Obligations, true},
		{"obligations", a.Obligations, e.NotObligations, false},
	}
	for _, l := range lists {
		for _, code := range l.want {
			switch present := slices.Contains(l.got, code); {
			case l.present && !present:
				add(code+" among them", "%s = %v", l.what, l.got)
			case present && !l.present:
				add("no "+code+" among them", "%s = %v", l.what, l.got)
			}
		}
	}
	if e.LegalBasis != "" && a.LegalBasis != e.LegalBasis {
		add(strconv.Quote(e.LegalBasis), "legal_basis = %q", a.LegalBasis)
	}
	if e.PermittedDataCategories != nil && !slices.Equal(a.PermittedDataCategories, e.PermittedDataCategories) &&
		len(a.PermittedDataCategories)+len(e.PermittedDataCategories) > 0 {
		add(fmt.Sprint(e.PermittedDataCategories), "permitted_data_categories = %v", a.PermittedDataCategories)
	}
	return diffs
}
