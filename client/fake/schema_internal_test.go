package fake

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// schema is what of a JSON schema the tests read.
type schema struct {
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	AnyOf      []schema          `json:"anyOf"`
	Enum       []string          `json:"enum"`
}

// TestTheSchemaIsThatOfTheRules: each field and each value of an enumeration is in both.
func TestTheSchemaIsThatOfTheRules(t *testing.T) {
	text, err := os.ReadFile("rules.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	rule := s.Properties["rules"].Items.Properties
	reasons, obligations := rule["reasons"].Items.AnyOf, rule["obligations"].Items.AnyOf
	for name, pair := range map[string][2][]string{
		"fields":      {slices.Sorted(maps.Keys(rule)), slices.Sorted(slices.Values(ruleFields))},
		"reason":      {slices.Sorted(maps.Keys(reasons[1].Properties)), slices.Sorted(slices.Values(reasonFields))},
		"obligation":  {slices.Sorted(maps.Keys(obligations[1].Properties)), obligationFields},
		"errors":      {rule["error"].Enum, slices.Sorted(maps.Keys(recordErrors))},
		"reasons":     {reasons[0].Enum, names(consent.ReasonCode.Known, consent.ReasonCode.String)},
		"obligations": {obligations[0].Enum, names(consent.ObligationCode.Known, consent.ObligationCode.String)},
		"decisions":   {rule["decision"].Enum, []string{consent.Allow.String(), consent.Deny.String(), recordedWord}},
		"bases":       {rule["legal_basis"].Enum, names(consent.Basis.Known, consent.Basis.String)},
		"kinds":       {rule["recipient_kind"].Enum, names(kindKnown, consent.RecipientKind.String)},
	} {
		if diff := cmp.Diff(pair[1], pair[0]); diff != "" || len(pair[0]) < 2 {
			t.Errorf("%s (-rules +schema):\n%s", name, diff)
		}
	}
}

func kindKnown(k consent.RecipientKind) bool {
	_, known := consent.ParseRecipientKind(k.String())
	return known
}

// names are those of an enumeration, in the order of its values.
func names[E ~uint8](known func(E) bool, name func(E) string) (all []string) {
	for e := range E(255) {
		if known(e) {
			all = append(all, name(e))
		}
	}
	return all
}

// TestTheReferenceIsThatOfTheRules: its example is read, and each field and error has its place.
func TestTheReferenceIsThatOfTheRules(t *testing.T) {
	text, err := os.ReadFile("RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(after, "```")
	s, err := parse("", example)
	if !found || err != nil || len(s.rules) != 5 {
		t.Errorf("the example: %v", err)
	}
	for _, name := range slices.Concat(ruleFields, slices.Collect(maps.Keys(recordErrors))) {
		if !strings.Contains(after, "`"+name+"`") {
			t.Errorf("nothing is said of %s", name)
		}
	}
}
