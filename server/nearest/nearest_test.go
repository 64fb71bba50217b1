package nearest_test

import (
	"slices"
	"testing"

	"github.com/consentd/consentd/server/nearest"
)

func TestName(t *testing.T) {
	purposes := []string{"marketing_email", "marketing_sms", "ai_training", "newsletter", "storage"}
	for name, want := range map[string]string{
		"newsleter":         "newsletter",
		"marketing_emial":   "marketing_email",
		"marketing-email":   "marketing_email",
		"marketing":         "marketing_sms", // a part of two: the shorter one
		"email":             "marketing_email",
		"newsletter_weekly": "newsletter",
		"analytics":         "",
		"ai":                "ai_training",
	} {
		if got := nearest.Name(name, slices.Values(purposes)); got != want {
			t.Errorf("%q: nearest is %q, want %q", name, got, want)
		}
	}
	if got := nearest.Name("storage", slices.Values([]string(nil))); got != "" {
		t.Errorf("of none: %q", got)
	}
}
