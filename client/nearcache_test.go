package client_test

import (
	"context"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// nearClient connects with a near cache and waits until it holds a lease.
func nearClient(t testing.TB, s *servertest.Server, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{client.WithTimeout(30 * time.Second), client.WithNearCache(client.NearCacheConfig{})}, opts...)
	c, err := client.Dial(s.Addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	awaitLease(t, c)
	return c
}

func awaitLease(t testing.TB, c *client.Client) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !c.NearCacheStats().Leased {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("no lease within 30 s")
		}
	}
}

// record records a status of the consent to ai_training with a fence.
func record(t testing.TB, c *client.Client, subject string, consent consentv1.ConsentStatus) {
	t.Helper()
	request := training(subject, consent)
	request.Fence = true
	if _, err := c.RecordEvents(t.Context(), request); err != nil {
		t.Fatalf("RecordEvents = %v", err)
	}
}

const (
	given     = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
	withdrawn = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
)

func TestNearCacheAnswersUntilAWithdrawal(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c, writer := nearClient(t, s), nearClient(t, s)
	ask := client.NewCheck("example", "u", "ai_training")
	expect := func(allowed bool, hits uint64) {
		t.Helper()
		before := c.NearCacheStats().Hits
		for range 3 {
			if d, err := c.Check(t.Context(), ask); err != nil || d.Allowed != allowed {
				t.Errorf("Check = %v, %v; want allowed %v", d, err, allowed)
			}
		}
		if got := c.NearCacheStats().Hits - before; got != hits {
			t.Errorf("%d hits, want %d", got, hits)
		}
	}
	record(t, writer, "u", given)
	expect(true, 2)
	expect(true, 3)
	record(t, writer, "u", withdrawn)
	expect(false, 2)
	record(t, writer, "u", given)
	expect(true, 2)
}

// Other policies empty the cache, also where nothing of what they decide is different.
func TestNearCacheFollowsPolicies(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c := nearClient(t, s)
	record(t, c, "u", given)
	ask := client.NewCheck("example", "u", "ai_training")
	first, err := c.Check(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.Policies.ActivatePolicy(t.Context(), &consentv1.ActivatePolicyRequest{Files: otherPolicies(t)})
	if err != nil || done.GetPolicyRevision() == first.PolicyRevision {
		t.Fatalf("ActivatePolicy = %v, %v", done, err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for d := first; d.PolicyRevision != done.GetPolicyRevision(); {
		<-tick.C
		if d, err = c.Check(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
	}
	awaitLease(t, c)
	_, _ = c.Check(t.Context(), ask) // the cache may have been told last
	before := c.NearCacheStats().Hits
	if d, err := c.Check(t.Context(), ask); err != nil || d.PolicyRevision != done.GetPolicyRevision() ||
		c.NearCacheStats().Hits != before+1 {
		t.Errorf("Check = %v, %v; want a hit by the new policies", d, err)
	}
}

// otherPolicies are the shipped ones with a comment more.
func otherPolicies(t *testing.T) (files []*consentv1.PolicyFile) {
	t.Helper()
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(policies.FS, path)
		if strings.HasSuffix(path, ".rego") {
			content = append(content, "\n# another version\n"...)
		}
		files = append(files, &consentv1.PolicyFile{Path: path, Content: content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNearCacheWithoutAServer(t *testing.T) {
	c, err := client.Dial("127.0.0.1:1", client.WithNearCache(client.NearCacheConfig{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if d, err := c.Check(ctx, client.NewCheck("example", "u", "ai_training")); err == nil || d.Allowed {
		t.Errorf("Check = %v, %v", d, err)
	}
	if s := c.NearCacheStats(); s != (client.NearCacheStats{}) {
		t.Errorf("stats are %+v", s)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if d, err := c.Check(ctx, client.NewCheck("example", "u", "ai_training")); err == nil || d.Allowed {
		t.Errorf("Check of a closed client = %v, %v", d, err)
	}
}

func TestNearCacheHitAllocatesNothing(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c := nearClient(t, s)
	record(t, c, "u", given)
	ctx, ask := t.Context(), client.NewCheck("example", "u", "ai_training")
	ask.DataCategories = []string{"user.contact"}
	ask.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR, Id: "r"}
	var err error
	check := func() {
		if _, failed := c.Check(ctx, ask); failed != nil {
			err = failed
		}
	}
	check()
	before := c.NearCacheStats().Hits
	allocations := testing.AllocsPerRun(1000, check)
	if hits := c.NearCacheStats().Hits - before; err != nil || allocations >= 1 || hits < 900 {
		t.Errorf("%v allocations per check, %d hits, error %v", allocations, hits, err)
	}
}

// reportCPU tells the processor time of the process since it began to measure, which a busy machine spoils less.
func reportCPU(b *testing.B) func() {
	before := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkNearCacheHit(b *testing.B) {
	s := servertest.Start(b, servertest.Options{})
	c := nearClient(b, s)
	record(b, c, "u", given)
	ask := client.NewCheck("example", "u", "ai_training")
	check := func() {
		if d, err := c.Check(b.Context(), ask); err != nil || !d.Allowed {
			b.Errorf("Check = %v, %v", d, err)
		}
	}
	check()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		report := reportCPU(b)
		for b.Loop() {
			check()
		}
		report()
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				check()
			}
		})
	})
	b.Logf("%+v", c.NearCacheStats())
}
