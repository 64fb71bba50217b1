package caller_test

import (
	"context"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

func TestIdentity(t *testing.T) {
	anonymous := []*caller.Caller{nil, {}, caller.Anonymous, {Kind: caller.KindAnonymous, ID: "x"}, caller.From(context.Background())}
	for _, c := range anonymous {
		if got := c.Identity(); !got.IsZero() {
			t.Errorf("%+v is %v: nobody was recognised", c, got)
		}
	}
	token := caller.Caller{Kind: caller.KindToken, ID: "7", Issuer: "https://id.example", Claims: map[string]any{"email": "a@b"}}
	if got := token.Identity(); got != (consent.Identity{Kind: "token", ID: "7", Issuer: "https://id.example"}) {
		t.Errorf("identity %v", got)
	}
	spiffe := caller.Caller{Kind: caller.KindCertificate, ID: "spiffe://prod/" + strings.Repeat("a", 2048)}
	if got := spiffe.Identity(); len(got.ID) > consent.MaxIdentityBytes || !strings.HasPrefix(got.ID, "spiffe://prod/a") {
		t.Errorf("a long id is kept as %d bytes: %s", len(got.ID), got.ID)
	}
}
