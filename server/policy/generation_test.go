package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/policy"
)

// A loader that reloads for ever does not keep the strings of all sets that there ever were.
func TestStringsOfGoneSetsAreDropped(t *testing.T) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	load := func(i int) {
		t.Helper()
		var words []string
		for j := range 100 {
			words = append(words, fmt.Sprintf("saved_%d_%d", i, j))
		}
		const table = "notice: {version: 1, material: 1}\npurposes: {storage: {basis: CONTRACT, clause: \"1\"}}\nown: {n: [%s]}\n" +
			"durations: {idle: {days: 30}}\n"
		if _, err := loader.Read(with("controllers/acme/data.yaml", fmt.Sprintf(table, strings.Join(words, ",")))); err != nil {
			t.Fatal(err)
		}
	}
	load(0)
	one := loader.Strings()
	for i := range 2 * (one + 100) / 20 { // long enough for two more generations
		load(i + 1)
	}
	if now := loader.Strings(); now > 5*one+200 {
		t.Errorf("%d strings after one set, %d now", one, now)
	}
}
