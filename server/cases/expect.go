package cases

import (
	"fmt"
	"slices"
)

// Answer is a decision in bare names, as every reader of the corpus has it.
type Answer struct {
	Decision                string
	Reasons                 []string
	LegalBasis              string
	Obligations             []string
	PermittedDataCategories []string
}

// Differences returns what an answer lacks or has against the expectation; none if it is as expected. An expected error is
// for the caller to compare.
func (e *Expect) Differences(a Answer) (diffs []string) {
	add := func(format string, args ...any) { diffs = append(diffs, fmt.Sprintf(format, args...)) }
	if a.Decision != e.Decision {
		add("decision = %s, want %s", a.Decision, e.Decision)
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
				add("%s = %v, want %s among them", l.what, l.got, code)
			case present && !l.present:
				add("%s = %v, want no %s among them", l.what, l.got, code)
			}
		}
	}
	if e.LegalBasis != "" && a.LegalBasis != e.LegalBasis {
		add("legal_basis = %q, want %q", a.LegalBasis, e.LegalBasis)
	}
	if e.PermittedDataCategories != nil && !slices.Equal(a.PermittedDataCategories, e.PermittedDataCategories) &&
		len(a.PermittedDataCategories)+len(e.PermittedDataCategories) > 0 {
		add("permitted_data_categories = %v, want %v", a.PermittedDataCategories, e.PermittedDataCategories)
	}
	return diffs
}
