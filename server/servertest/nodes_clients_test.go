package servertest_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// degradingPolicies are the shipped ones, where the example's purposes declare what they come to without the store.
func degradingPolicies(t *testing.T) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(policies.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(policies.FS, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	table := files["controllers/example/data.yaml"]
	table.Data = []byte(strings.NewReplacer(
		"  service_delivery:\n", "  service_delivery:\n    degraded: serve_stale\n    stale_limit: 1h\n",
		"  product_improvement:\n", "  product_improvement:\n    degraded: deny\n",
	).Replace(string(table.Data)))
	return files
}

// TestClientsOfADatabaseThatIsAway asks through the Go client as programs do, whose checks go over its streams, with a
// near cache and without: after the leases nothing comes from any memory, but what purposes declare, marked as that.
func TestClientsOfADatabaseThatIsAway(t *testing.T) {
	db := pgtest.New(t, pgtest.Options{})
	f := newFleet(t, db, 0)
	f.configure = func(o *servertest.Options) {
		o.Policies, o.CacheLease = degradingPolicies(t), nodesLease
	}
	n := f.join(db.NewProxy(t))
	n.agrees(t, "a")
	for name, more := range map[string][]client.Option{
		"over streams": nil, "each by a call": {client.WithoutCoalescing()},
		"with a near cache": {client.WithNearCache(client.NearCacheConfig{})},
	} {
		c, err := client.Dial(n.Addr, append(more, client.WithInsecure())...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		says := func(purpose string) string {
			d, err := c.Check(t.Context(), client.NewCheck("example", "a", purpose))
			if err != nil {
				return status.Code(err).String()
			}
			return strings.SplitN(d.String(), ":", 2)[0] + " " + client.EnumName(d.Degraded)
		}
		purposes := []string{"marketing_email", "product_improvement", "service_delivery"} // fail, deny, serve_stale
		come := func(to ...string) {
			t.Helper()
			for i, purpose := range purposes {
				eventually(t, name+": "+purpose+" comes to "+to[i], func() bool { return strings.HasPrefix(says(purpose), to[i]) })
			}
		}
		come("ALLOW", "ALLOW", "ALLOW")
		if err := db.Stop(t.Context(), pgtest.Immediate); err != nil {
			t.Fatal(err)
		}
		come(codes.Unavailable.String(), "DENY (degraded", "ALLOW (degraded")
		for range 20 { // never again from a memory
			if got := says("marketing_email"); got != codes.Unavailable.String() && got != codes.DeadlineExceeded.String() {
				t.Errorf("%s: without the database it is %s", name, got)
			}
		}
		d, err := c.Check(t.Context(), client.NewCheck("example", "a", "service_delivery"))
		if err != nil || d.Degraded != consentv1.Degradation_DEGRADATION_STALE || d.StateAge <= 0 || d.StateAge > time.Hour {
			t.Errorf("%s: an old answer is %v of a state %v old, error %v", name, d, d.StateAge, err)
		}
		if err := db.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		come("ALLOW", "ALLOW", "ALLOW")
	}
}
