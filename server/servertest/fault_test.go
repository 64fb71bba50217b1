package servertest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// disk is the machine's file system, which a test can have fail or wait below the store's log.
type disk struct {
	vfs.FS
	fault atomic.Pointer[syscall.Errno]
	// sync says that syncs fail too, as those of a broken disk do.
	sync atomic.Bool
	// held is locked while syncs are to wait.
	held sync.RWMutex
}

func newDisk() *disk {
	d := &disk{}
	d.FS = errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose {
			return nil
		}
		syncs := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if syncs {
			d.held.RLock()
			defer d.held.RUnlock()
		}
		if fault := d.fault.Load(); fault != nil && syncs == d.sync.Load() {
			return *fault
		}
		return nil
	}))
	return d
}

// node is a server under test, and a near cache beside it.
type node struct {
	*servertest.Server
	t    *testing.T
	near *client.Client
	// said are the events so far, by id: a repetition is the same.
	said map[string]*consentv1.Event
}

func startNode(t *testing.T, o servertest.Options) *node {
	t.Helper()
	n := &node{Server: servertest.Start(t, o), t: t, said: map[string]*consentv1.Event{}}
	var err error
	n.near, err = client.Dial(n.Addr, client.WithNearCache(client.NearCacheConfig{}), client.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.near.Close() })
	awaitNear(t, n.near)
	return n
}

// record records a change of the consent of a subject, or repeats the one of that id.
func (n *node) record(subject, id string, s consentv1.ConsentStatus, fence bool) error {
	c := &consentv1.ConsentEvent{Purpose: "ai_training", Status: s}
	if s == consentv1.ConsentStatus_CONSENT_STATUS_GIVEN {
		c.NoticeVersion = 3
	}
	if n.said[id] == nil {
		n.said[id] = &consentv1.Event{
			Id: id, OccurredAt: timestamppb.Now(), Source: "privacy_settings", Kind: &consentv1.Event_Consent{Consent: c},
		}
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
	defer cancel()
	_, err := n.Consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: subject, Fence: fence, Events: []*consentv1.Event{n.said[id]},
	})
	return err
}

func (n *node) give(subject, id string) {
	n.t.Helper()
	if err := n.record(subject, id, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, false); err != nil {
		n.t.Fatal(err)
	}
}

// expect fails unless both the server and the near cache decide so.
func (n *node) expect(subject string, allowed bool) *consentv1.CheckResponse {
	n.t.Helper()
	request := client.NewCheck("example", subject, "ai_training")
	got, err := n.Decisions.Check(n.t.Context(), request)
	if err != nil {
		n.t.Fatal(err)
	}
	if (got.GetDecision() == consentv1.Decision_DECISION_ALLOW) != allowed {
		n.t.Errorf("%s: %v, want allowed %v", subject, got, allowed)
	}
	for range 2 { // the second is a hit
		near, err := n.near.Check(n.t.Context(), request)
		if err != nil || near.Allowed != allowed {
			n.t.Errorf("the near cache on %s: %v, %v; want allowed %v", subject, near, err, allowed)
		}
	}
	return got
}

// expectWrites waits until all that tells whether events can be recorded says so.
func (n *node) expectWrites(going bool) {
	n.t.Helper()
	want, code, gauge := healthpb.HealthCheckResponse_SERVING, http.StatusOK, 1.0
	if !going {
		want, code, gauge = healthpb.HealthCheckResponse_NOT_SERVING, http.StatusServiceUnavailable, 0
	}
	health := healthpb.NewHealthClient(n.Conn)
	told := ""
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, err := health.Check(n.t.Context(), &healthpb.HealthCheckRequest{Service: "consent.v1.ConsentService"})
		if err != nil {
			n.t.Fatal(err)
		}
		ready, text := n.page("/readyz?service=consent.v1.ConsentService")
		told = fmt.Sprintf("%v, /readyz %d %q, gauge %v", got.GetStatus(), ready, text, n.Metric(n.t, "consentd_store_writable", nil))
		if got.GetStatus() == want && ready == code && n.Metric(n.t, "consentd_store_writable", nil) == gauge {
			break
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("in 20 s the server does not say that writes go well is %v: %s", going, told)
		}
	}
	for _, service := range []string{"", "consent.v1.DecisionService"} {
		got, err := health.Check(n.t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			n.t.Errorf("%q is %v, %v: decisions go on", service, got, err)
		}
	}
}

func (n *node) page(path string) (int, string) {
	n.t.Helper()
	answer, err := http.Get("http://" + n.HTTPAddr + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const withdrawn = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN

// refused fails unless a withdrawal is UNAVAILABLE, with the time after which to repeat it.
func (n *node) refused(subject, id string) {
	n.t.Helper()
	err := n.record(subject, id, withdrawn, true)
	if status.Code(err) != codes.Unavailable {
		n.t.Fatalf("a withdrawal that cannot be recorded: %v, want UNAVAILABLE", err)
	}
	for _, d := range status.Convert(err).Details() {
		if _, ok := d.(*errdetails.RetryInfo); ok {
			return
		}
	}
	n.t.Errorf("%v has no RetryInfo", err)
}

// TestADiskWithoutRoom: decisions go on, a withdrawal is refused and never half acknowledged, all that tells health
// says so, and the server recovers by itself. The repeated withdrawal is final in every cache. A restart finds it all.
func TestADiskWithoutRoom(t *testing.T) {
	for name, fault := range map[string]syscall.Errno{"full": syscall.ENOSPC, "quota": syscall.EDQUOT} {
		t.Run(name, func(t *testing.T) {
			d, dir := newDisk(), t.TempDir()
			n := startNode(t, servertest.Options{StoreFS: d, DataDir: dir, CacheLease: 200 * time.Millisecond})
			n.give("s", "1")
			n.give("other", "2")
			n.expect("s", true)
			d.fault.Store(&fault)
			n.refused("s", "3")
			n.expectWrites(false)
			if _, text := n.page("/readyz"); text != "ok: events cannot be recorded, see the log; decisions go on\n" {
				t.Errorf("/readyz says %q", text)
			}
			n.expect("s", true) // it was not acknowledged
			n.expect("other", true)
			n.refused("s", "3")
			d.fault.Store(nil)
			n.expectWrites(true)
			if err := n.record("s", "3", withdrawn, true); err != nil {
				t.Fatal(err)
			}
			n.expect("s", false)
			n.expect("other", true)
			if err := n.Stop(); err != nil {
				t.Fatal(err)
			}
			after := startNode(t, servertest.Options{DataDir: dir})
			after.expect("s", false)
			after.expect("other", true)
		})
	}
}

// TestASlowDisk: a sync that does not return for seconds keeps writes waiting, and nobody else. Health tells.
func TestASlowDisk(t *testing.T) {
	d := newDisk()
	n := startNode(t, servertest.Options{StoreFS: d, CacheLease: 200 * time.Millisecond})
	n.give("s", "1")
	n.expect("s", true)
	d.held.Lock()
	recorded := make(chan error, 1)
	go func() { recorded <- n.record("s", "2", withdrawn, true) }()
	n.expectWrites(false)
	n.expect("s", true)
	select {
	case err := <-recorded:
		t.Errorf("the withdrawal has ended before the disk synced: %v", err)
	default:
	}
	d.held.Unlock()
	if err := <-recorded; err != nil {
		t.Errorf("the withdrawal that waited: %v", err)
	}
	n.expect("s", false)
	n.expectWrites(true)
}

// TestTheClockIsSet an hour forth and back, by turns: what has expired stays so, no decision holds longer than its end,
// withdrawals are recorded and count at once, and fences and leases do not notice.
func TestTheClockIsSet(t *testing.T) {
	var step atomic.Int64
	n := startNode(t, servertest.Options{
		Wall:       func() time.Time { return time.Now().Add(time.Duration(step.Load())) },
		CacheLease: 200 * time.Millisecond,
	})
	ends := time.Now().Add(30 * time.Minute)
	n.said["short"] = given("short")
	n.said["short"].GetConsent().ExpiresAt = timestamppb.New(ends)
	n.give("expires", "short")
	for i, subject := range []string{"a", "b", "c", "d"} {
		n.give(subject, fmt.Sprint(i))
	}
	if got := n.expect("expires", true); got.GetValidUntil().AsTime().After(ends) {
		t.Errorf("it is valid until %v, and the consent ends at %v", got.GetValidUntil().AsTime(), ends)
	}
	for i, set := range []time.Duration{time.Hour, 0, -time.Hour, time.Hour} {
		step.Store(int64(set))
		n.awaitDenied("expires")
		subject := []string{"a", "b", "c", "d"}[i]
		n.expect(subject, true)
		began := time.Now()
		if err := n.record(subject, "stop-"+subject, withdrawn, true); err != nil {
			t.Errorf("set by %v: a withdrawal: %v", set, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("set by %v: the fence took %v", set, took)
		}
		n.expect(subject, false)
	}
	n.wantRecordedInOrder("a", "b", "c", "d")
}

// awaitDenied fails unless the server denies at once, and the near cache within a lease: its clock is the server's of
// the last heartbeat.
func (n *node) awaitDenied(subject string) {
	n.t.Helper()
	request := client.NewCheck("example", subject, "ai_training")
	if got, err := n.Decisions.Check(n.t.Context(), request); err != nil || got.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		n.t.Errorf("%s: %v, %v; want DENY", subject, got, err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		near, err := n.near.Check(n.t.Context(), request)
		if err == nil && !near.Allowed {
			break
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("the near cache on %s: %v, %v", subject, near, err)
		}
	}
	n.expect(subject, false)
}

// wantRecordedInOrder fails unless the last events of these subjects were recorded one after the other.
func (n *node) wantRecordedInOrder(subjects ...string) {
	n.t.Helper()
	var last time.Time
	for _, subject := range subjects {
		page, err := n.Consents.ListEvents(n.t.Context(), &consentv1.ListEventsRequest{Controller: "example", SubjectId: subject})
		if err != nil || len(page.GetEntries()) != 2 {
			n.t.Fatalf("%v, %v", page, err)
		}
		at := page.GetEntries()[1].GetRecordedAt().AsTime()
		if at.Before(last) {
			n.t.Errorf("the event of %s was recorded at %v, one before it at %v", subject, at, last)
		}
		last = at
	}
}
