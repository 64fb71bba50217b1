package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDescribedCategories: a purpose's allow-lists are told, those for one kind of recipient too.
func TestDescribedCategories(t *testing.T) {
	set := load(t)
	described := map[string][]string{}
	for _, c := range set.Describe().Controllers {
		for _, p := range c.Purposes {
			described[c.ID+" "+p.Name] = p.Categories
		}
	}
	want := []string{
		"user.account.credits_purchased", "user.account.registration", "user.account.username", "user.behavior.site_usage",
		"user.device", "user.location.country",
	}
	if diff := cmp.Diff(want, described["jasminai affiliate_sharing"]); diff != "" {
		t.Errorf("an allow-list (-want +got):\n%s", diff)
	}
	if got := described["jasminai marketing_email"]; got != nil {
		t.Errorf("a purpose without one is limited to %v", got)
	}
}
