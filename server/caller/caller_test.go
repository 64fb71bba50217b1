package caller_test

import (
	"context"
	"testing"

	"github.com/consentd/consentd/server/caller"
)

func TestFrom(t *testing.T) {
	mailer := &caller.Caller{Kind: caller.KindKey, ID: "mailer"}
	for _, test := range []struct {
		name string
		ctx  context.Context
		want *caller.Caller
	}{
		{"nobody was recognised", t.Context(), caller.Anonymous},
		{"a caller", caller.With(t.Context(), mailer), mailer},
		{"the innermost counts", caller.With(caller.With(t.Context(), caller.Anonymous), mailer), mailer},
		{"nil is nobody", caller.With(t.Context(), nil), caller.Anonymous},
	} {
		if got := caller.From(test.ctx); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestString(t *testing.T) {
	for want, c := range map[string]*caller.Caller{
		"anonymous":                              {},
		"key:mailer":                             {Kind: caller.KindKey, ID: "mailer"},
		"certificate:spiffe://example.org/mail":  {Kind: caller.KindCertificate, ID: "spiffe://example.org/mail"},
		"token:mail-service https://idp.example": {Kind: caller.KindToken, ID: "mail-service", Issuer: "https://idp.example"},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (*caller.Caller)(nil).String(); got != "anonymous" {
		t.Errorf("nil: got %q", got)
	}
}
