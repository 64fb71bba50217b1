package admission_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
)

// denying adds denials to the controller example, each with its condition.
func denying(denials ...string) []edit {
	const file, head = "controllers/example/example.rego", `# METADATA
# title: The decision`
	return []edit{
		{file, head, strings.Join(denials, "\n\n") + "\n\n" + head},
		{file, `"denials": set()`, `"denials": denials`},
	}
}

func denial(code consent.ReasonCode, condition string) string {
	return fmt.Sprintf("denials contains [8, %q, \"§9\"] if %s", code, condition)
}

// everywhere names as many places as ISO 3166-1 has codes, and some more.
func everywhere() string {
	var codes []string
	for first := 'A'; first <= 'J'; first++ {
		for last := 'A'; last <= 'Z'; last++ {
			codes = append(codes, fmt.Sprintf("%q", string(first)+string(last)))
		}
	}
	return denial(consent.UnderAge, "input.subject.jurisdiction in {"+strings.Join(codes, ", ")+"}")
}

// keys reads as many keys of the context.
func keys(n int) (denials []string) {
	for i := range n {
		denials = append(denials, denial(consent.UnderAge, fmt.Sprintf("input.context.key_%02d == true", i)))
	}
	return denials
}

// toldApart compares as many keys of the context with one string for each reason code, which each tells apart.
func toldApart(n int) (denials []string) {
	for i := range n {
		for code := consent.ReasonCode(1); code.Known(); code++ {
			if code != consent.BasisHolds && code != consent.StateUnavailable { // which does not deny, or is the server's to say
				denials = append(denials, denial(code, fmt.Sprintf("input.context.key_%02d == %q", i, code)))
			}
		}
	}
	return denials
}

// TestSpacesTooLargeAreRefused: a set of whose situations not all can be looked at is not put in force. The only fault
// names what makes the space so large, how large, and the remedy; of rules that did not fire nothing is said.
func TestSpacesTooLargeAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		denials []string
		says    []string
	}{
		"values": {
			[]string{everywhere()},
			[]string{`the dimension "place" has 2`, "values of at most 255: list in a table"},
		},
		"dimensions": {
			keys(64),
			[]string{"it has 92 dimensions of at most 64", `the last "key_63": read fewer keys of the context`},
		},
		"situations": {
			toldApart(14),
			[]string{"more than 200000 situations", `the dimension "key_00" has most values, `, "compare it with fewer constants"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if raceEnabled && name == "situations" {
				t.Skip("200,000 situations take minutes under the race detector; the planted faults run the same code on fewer")
			}
			faults := faultsOf(t, shipped(t, "example/storage", denying(row.denials...)))
			if len(faults) != 1 {
				t.Fatalf("%d faults, want the one:\n%s", len(faults), list(faults))
			}
			said := faults[0].String()
			t.Log(said)
			for _, want := range append(row.says, "controllers/example/data.yaml", "purposes.storage: not proven") {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in the fault:\n%s", want, said)
				}
			}
		})
	}
}
