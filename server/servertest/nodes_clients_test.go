package servertest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// TestClientsOfADatabaseThatIsAway asks through the Go client as programs do, whose checks go over its streams, with a
// near cache and without: after the leases nothing comes from any memory, but what purposes declare, marked as that.
func TestClientsOfADatabaseThatIsAway(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 0)
	f.configure = func(o *servertest.Options) {
		o.Policies, o.CacheLease = servertest.Degrading(t), nodesLease
	}
	n := f.join(db.NewProxy(t))
	n.agrees(t, "a")
	for name, more := range map[string][]client.Option{
		"over streams": nil, "each by a call": {client.WithoutCoalescing()},
		"with a near cache": {client.WithNearCache(client.NearCacheConfig{})},
	} {
		t.Run(name, func(t *testing.T) { outlastsAnOutage(t, db, n.Addr, append(more, client.WithInsecure())) })
	}
}

// outlastsAnOutage asks for three purposes, which declare fail, deny and serve_stale, before, in and after an outage.
func outlastsAnOutage(t *testing.T, db *pgtest.Server, addr string, options []client.Option) {
	c, err := client.Dial(addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	says := func(purpose string) string {
		d, err := c.Check(t.Context(), client.NewCheck("example", "a", purpose))
		switch {
		case err != nil:
			return status.Code(err).String()
		case d.Degraded != 0:
			return client.EnumName(d.Degraded)
		case d.Allowed:
			return "ALLOW"
		}
		return "DENY"
	}
	comes := func(purpose string, to ...string) {
		t.Helper()
		eventually(t, purpose+" comes to "+strings.Join(to, " or "), func() bool { return slices.Contains(to, says(purpose)) })
	}
	all := func() {
		t.Helper()
		for _, purpose := range []string{"marketing_email", "product_improvement", "service_delivery"} {
			comes(purpose, "ALLOW")
		}
	}
	all()
	if err := db.Stop(t.Context(), pgtest.Immediate); err != nil {
		t.Fatal(err)
	}
	comes("marketing_email", failed...)
	comes("product_improvement", "DENIED")
	comes("service_delivery", "STALE")
	for range 20 { // never again from a memory
		if got := says("marketing_email"); !slices.Contains(failed, got) {
			t.Errorf("without the database it is %s", got)
		}
	}
	d, err := c.Check(t.Context(), client.NewCheck("example", "a", "service_delivery"))
	if err != nil || d.Degraded != consentv1.Degradation_DEGRADATION_STALE || d.StateAge <= 0 || d.StateAge > 5*time.Minute {
		t.Errorf("an old answer is %v of a state %v old, error %v", d, d.StateAge, err)
	}
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	all()
}
