package clienttest_test

import (
	"testing"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clienttest"
)

func ExampleStart() {
	// In a file of tests this is func TestWithdrawn.
	_ = func(t *testing.T) {
		fake := clienttest.Start(t, `
rules:
  - {subject: user-42, purpose: marketing_email, decision: ALLOW}
  - {purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}
`)
		if fake.Client.Allowed(t.Context(), client.NewCheck("example", "user-7", "marketing_email")) {
			t.Error("user-7 withdrew, and is mailed")
		}
		if n := len(fake.Checks()); n != 1 {
			t.Errorf("%d checks, want 1", n)
		}
	}
}
