package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

var stopped = flag.Duration("fault.stopped", 3*time.Second, "how long TestAStoppedProcess stops the server")

// TestAFullFileSystem fills the file system of the data directory, and makes room again: writes go on without a
// restart, and a kill then loses nothing.
func TestAFullFileSystem(t *testing.T) {
	dir, addr := t.TempDir(), freePort(t)
	mountTmpfs(t, dir, "size=16m", false)
	s := launch(t, "--http-addr", addr, "--data-dir", filepath.Join(dir, "data"))
	if err := s.record(t, "before"); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := fill(filler); err != nil {
		t.Fatal(err)
	}
	// The log has some room of its own.
	recorded := []string{"before"}
	for n := 0; ; n++ {
		ids, err := s.recordMany(t, n)
		if status.Code(err) == codes.Unavailable {
			break
		} else if err != nil || n > 10_000 {
			t.Fatal(err)
		}
		recorded = append(recorded, ids...)
	}
	s.expectWrites(t, "http://"+addr, false)
	s.logged(t, "writes wait and go on by themselves: free space")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "writes go on")
	s.expectWrites(t, "http://"+addr, true)
	if err := s.record(t, "after"); err != nil {
		t.Error(err)
	}
	_ = s.Process.Kill()
	_ = s.Wait()
	next := launch(t, "--data-dir", filepath.Join(dir, "data"))
	next.expectEvents(t, append(recorded, "after"))
	next.signal(t)
	if err := next.Wait(); err != nil {
		t.Error(err)
	}
}

// recordMany records events that take some room.
func (s *launched) recordMany(t *testing.T, n int) (ids []string, err error) {
	t.Helper()
	r := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "s"}
	for i := range 50 {
		e := withdrawal().GetEvents()[0]
		e.Id, e.Evidence = fmt.Sprintf("%d-%d", n, i), "urn:room:"+strings.Repeat("x", 1000)
		ids, r.Events = append(ids, e.Id), append(r.Events, e)
	}
	_, err = consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), r)
	return ids, err
}

// fill writes a file until there is no room.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Close()
}

// expectEvents fails for each event that the ledger of the subject lacks.
func (s *launched) expectEvents(t *testing.T, ids []string) {
	t.Helper()
	found := map[string]bool{}
	r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: "s", PageSize: 1000}
	for {
		page, err := consentv1.NewConsentServiceClient(s.conn).ListEvents(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEntries() {
			found[e.GetEvent().GetId()] = true
		}
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			break
		}
	}
	for _, id := range ids {
		if !found[id] {
			t.Errorf("event %s was acknowledged and is lost", id)
		}
	}
}

// TestAReadOnlyDirectoryIsRefusedAtTheStart of an existing store too, and leaves it as it was.
func TestAReadOnlyDirectoryIsRefusedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	mountTmpfs(t, dir, "size=32m", false)
	s := launch(t, "--data-dir", filepath.Join(dir, "data"))
	if err := s.record(t, "before"); err != nil {
		t.Fatal(err)
	}
	s.signal(t)
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=32m"); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	expectRefused(t, command(t, "--data-dir", filepath.Join(dir, "data")), "mounted read-only", "mount it for writing")
	remount(0)
	next := launch(t, "--data-dir", filepath.Join(dir, "data"))
	next.expectEvents(t, []string{"before"})
	next.signal(t)
	if err := next.Wait(); err != nil {
		t.Error(err)
	}
}

// TestNoDescriptorsAreLeft: connections that are there go on, with decisions and records, new ones wait, policies that
// cannot be read leave those in force, and all of it recovers by itself.
func TestNoDescriptorsAreLeft(t *testing.T) {
	policies := filepath.Join(t.TempDir(), "bundle.tar.gz")
	if err := os.WriteFile(policies, acme(t), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freePort(t)
	s := launch(t, "--http-addr", addr, "--policies", policies, "--policies-poll", "1h")
	check := func(conn *grpc.ClientConn) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		d, err := consentv1.NewDecisionServiceClient(conn).Check(ctx, &consentv1.CheckRequest{
			Controller: "acme", SubjectId: "s", Purpose: "storage",
		})
		if err == nil && d.GetDecision() != consentv1.Decision_DECISION_ALLOW {
			return errors.New("denied")
		}
		return err
	}
	if err := check(s.conn); err != nil {
		t.Fatal(err)
	}
	before := limitDescriptors(t, s.Process.Pid, uint64(descriptors(t, s.Process.Pid)))
	held := exhaust(t, addr)
	for range 20 {
		if err := check(s.conn); err != nil {
			t.Fatalf("a check on a connection that is there: %v", err)
		}
	}
	if got := s.status(t, ""); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("it is %v", got)
	}
	s.send(t, syscall.SIGHUP)
	s.logged(t, "too many open files")
	if err := check(s.conn); err != nil {
		t.Errorf("after policies could not be read: %v", err)
	}
	limitDescriptors(t, s.Process.Pid, before)
	for _, c := range held {
		_ = c.Close()
	}
	until(t, "a new connection is served", func() bool {
		fresh, err := grpc.NewClient("unix://"+filepath.Join(filepath.Dir(s.dataDir), "grpc.sock"),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = fresh.Close() }()
		return check(fresh) == nil
	})
	s.send(t, syscall.SIGHUP)
	s.logged(t, `msg="policies read again"`)
	if got := page(t, "http://"+addr+"/readyz"); got != "200 ok\n" {
		t.Errorf("/readyz: %q", got)
	}
}

// descriptors is how many a process has.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// limitDescriptors sets how many a process may have, and returns how many it could before.
func limitDescriptors(t *testing.T, pid int, limit uint64) uint64 {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatal(err)
	}
	set := unix.Rlimit{Cur: limit, Max: old.Max}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &set, nil); err != nil {
		t.Fatal(err)
	}
	return old.Cur
}

// exhaust opens connections until some of them are not taken.
func exhaust(t *testing.T, addr string) (held []net.Conn) {
	t.Helper()
	for range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	return held
}

// TestAStoppedProcess stops the server, as a debugger or a virtual machine that is moved does, after a withdrawal was
// fenced: while it stands, near caches give up their leases and answer nothing, and when it goes on nobody is answered
// from the older state.
func TestAStoppedProcess(t *testing.T) {
	const lease = 2 * time.Second // watch.DefaultLease
	s := launch(t)
	near, err := client.Dial("unix://"+filepath.Join(filepath.Dir(s.dataDir), "grpc.sock"),
		client.WithNearCache(client.NearCacheConfig{}), client.WithTimeout(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	until(t, "the near cache has a lease", func() bool { return near.NearCacheStats().Leased })
	if err := s.record(t, "given"); err != nil {
		t.Fatal(err)
	}
	request := client.NewCheck("example", "s", "ai_training")
	until(t, "the near cache answers", func() bool {
		hits := near.NearCacheStats().Hits
		d, err := near.Check(t.Context(), request)
		return err == nil && d.Allowed && near.NearCacheStats().Hits > hits
	})
	if err := s.withdraw(t); err != nil {
		t.Fatal(err)
	}
	// What the near cache has of others it may answer until its lease has run out.
	other := client.NewCheck("example", "other", "service_messages")
	until(t, "the near cache answers for another", func() bool {
		hits := near.NearCacheStats().Hits
		_, err := near.Check(t.Context(), other)
		return err == nil && near.NearCacheStats().Hits > hits
	})
	s.send(t, syscall.SIGSTOP)
	began := time.Now()
	answered := 0
	for time.Since(began) < *stopped {
		if d, err := near.Check(t.Context(), request); d.Allowed {
			t.Fatalf("after %v of standing still: allowed, %v", time.Since(began), err)
		}
		_, err := near.Check(t.Context(), other)
		switch since := time.Since(began); {
		case err == nil && since < lease:
			answered++
		case err == nil:
			t.Fatalf("after %v of standing still the near cache answers", since)
		}
	}
	if answered == 0 {
		t.Error("the near cache answered nothing while it had its lease")
	}
	if near.NearCacheStats().Leased {
		t.Error("the near cache still has its lease")
	}
	s.send(t, syscall.SIGCONT)
	until(t, "the server answers again", func() bool {
		d, err := near.Check(t.Context(), request)
		if d.Allowed {
			t.Fatal("allowed after it went on")
		}
		return err == nil
	})
	until(t, "the near cache has a lease again", func() bool { return near.NearCacheStats().Leased })
	if d, err := near.Check(t.Context(), request); err != nil || d.Allowed {
		t.Errorf("%v, %v", d, err)
	}
	t.Logf("stopped for %v; %d checks answered from the near cache meanwhile", *stopped, answered)
}

// withdraw records a fenced withdrawal.
func (s *launched) withdraw(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(ctx, withdrawal())
	return err
}

func withdrawal() *consentv1.RecordEventsRequest {
	return &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "s", Fence: true, Events: []*consentv1.Event{{
			Id: "withdrawn", OccurredAt: timestamppb.Now(), Source: "privacy_settings",
			Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
			}},
		}},
	}
}
