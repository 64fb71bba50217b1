package client

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/watch"
)

// world is a server with the real edge and hub over a state that is one bit per subject, inside a bubble: time stands
// still unless all wait.
type world struct {
	t        *testing.T
	lease    time.Duration
	hub      *watch.Hub
	server   *grpc.Server
	listener atomic.Pointer[bufconn.Listener]
	served   chan error
	// stepped is how far the clients' wall clocks have stepped, nanoseconds.
	stepped atomic.Int64

	mu      sync.Mutex
	allowed map[consent.Subject]bool // guarded by mu, as all below
	applied consent.Revision
	// syncing is how long a change takes from being announced to being visible.
	syncing  time.Duration
	policy   string
	validFor time.Duration
	failing  bool
	checks   int
}

var worldStore = store.ID{7}

// newWorld starts a world whose server grants leases of that length; zero means the default.
func newWorld(t *testing.T, lease time.Duration) *world {
	w := &world{t: t, lease: lease, allowed: map[consent.Subject]bool{}, policy: "p1"}
	w.start()
	return w
}

func (w *world) start() {
	var err error
	w.hub, err = watch.New(watch.Config{StoreID: worldStore, Revision: w.applied, Policy: w.policyRevision, Lease: w.lease})
	if err != nil {
		w.t.Fatal(err)
	}
	api, err := grpcapi.New(grpcapi.Config{
		Access: unused{}, Authorizer: w, Ledger: w, Watchers: w.hub,
		Activator: unused{}, Prover: unused{}, Explainer: unused{}, Differ: unused{},
		Logger:  slog.New(slog.DiscardHandler),
		History: func(context.Context) ([]consent.PolicySpan, error) { return nil, nil },
		Policy: func() consent.Policy {
			return consent.Policy{Revision: w.policyRevision(), Controllers: []consent.Controller{{ID: "example"}}}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	w.listener.Store(listener)
	w.server, w.served = grpc.NewServer(api.ServerOptions()...), make(chan error, 1)
	api.Register(w.server)
	go func() { w.served <- w.server.Serve(listener) }()
}

func (w *world) stop() {
	w.server.Stop()
	<-w.served
	w.hub.Close()
}

// unused is what the services need and these tests do not.
type unused struct {
	grpcapi.Activator
	grpcapi.Prover
	grpcapi.Explainer
	grpcapi.Differ
}

// tap sees each message before it is applied.
type tap func(*nearCache, *nearSession, *consentv1.WatchInvalidationsResponse)

// Permit permits everything.
func (unused) Permit(context.Context, *caller.Caller, caller.Act) error { return nil }

// dial returns a client with a near cache; tap may be nil.
func (w *world) dial(tap tap) *Client {
	conn, err := grpc.NewClient("passthrough:///world", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return w.listener.Load().DialContext(ctx) }))
	if err != nil {
		w.t.Fatal(err)
	}
	n := newNear(NearCacheConfig{MaxEntries: 1024}, conn)
	clock := n.clock
	n.clock = func() reading {
		now := clock()
		now.wall += w.stepped.Load()
		return now
	}
	if tap != nil {
		n.tap = func(s *nearSession, m *consentv1.WatchInvalidationsResponse) { tap(n, s, m) }
	}
	n.start()
	c := New(conn, time.Minute)
	c.near = n
	c.close = sync.OnceValue(func() error { return c.shut(conn) })
	return c
}

func (w *world) policyRevision() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policy
}

// activate puts other policies in force.
func (w *world) activate(policy string) {
	w.mu.Lock()
	w.policy = policy
	w.mu.Unlock()
	w.hub.PolicyChanged()
}

func (w *world) Check(_ context.Context, r *consent.Request, _ authz.Consistency) (consent.Decision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checks++
	d := consent.Decision{PolicyRevision: w.policy, StateRevision: w.applied,
		Reasons: []consent.Reason{{Code: consent.ConsentMissing}}}
	if w.validFor != 0 {
		d.ValidUntil = consent.InstantOf(time.Now().Add(w.validFor))
	}
	switch {
	case w.failing:
		d.Reasons[0].Code = consent.PolicyError
	case w.policy == "deny all": // whatever the state is
	case w.allowed[r.Subject]:
		d.Effect, d.Basis, d.Reasons[0].Code = consent.Allow, consent.BasisConsent, consent.BasisHolds
	}
	return d, nil
}

func (w *world) BatchCheck(
	ctx context.Context, all []consent.Request, _ []*authz.Kept, c authz.Consistency,
) ([]authz.Result, error) {
	results := make([]authz.Result, len(all))
	for i := range all {
		results[i].Decision, results[i].Err = w.Check(ctx, &all[i], c)
	}
	return results, nil
}

func (w *world) ListPurposes(context.Context, *consent.Request, authz.Consistency) ([]authz.PurposeDecision, error) {
	return nil, consent.ErrUnavailable
}

func (w *world) AppendToken(text []byte, r consent.Revision) []byte {
	return append(text, wire.Token{StoreID: worldStore, Revision: uint64(r)}.String()...)
}

// Record allows on a consent that is given, and denies on any other. Records come one after the other.
func (w *world) Record(_ context.Context, b consent.Batch) (consent.Recorded, error) {
	w.mu.Lock()
	recorded, syncing := consent.Recorded{Revision: w.applied + 1, Applied: len(b.Events)}, w.syncing
	w.mu.Unlock()
	w.hub.Changed(store.Change{Subject: b.Subject, Revision: recorded.Revision})
	time.Sleep(syncing)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applied = recorded.Revision
	w.allowed[b.Subject] = b.Events[0].Fact.(consent.Consent).Status == consent.Given
	return recorded, nil
}

func (w *world) Read(context.Context, consent.Subject) (consent.Snapshot, error) {
	return consent.Snapshot{}, consent.ErrUnavailable
}

func (w *world) Person(_ context.Context, s consent.Subject) (consent.Person, error) {
	return consent.Person{IDs: []string{s.ID}}, nil
}

func (w *world) Events(context.Context, consent.Subject, consent.Page) (consent.Entries, error) {
	return consent.Entries{}, consent.ErrUnavailable
}

// write records a status of the consent of "u"; fenced or not.
func (w *world) write(c *Client, status consentv1.ConsentStatus, fence bool) error {
	event := NewEvent("privacy_settings")
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "p", Status: status, NoticeVersion: 1}}
	_, err := c.RecordEvents(w.t.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "u", Events: []*consentv1.Event{event}, Fence: fence,
	})
	return err
}

func (w *world) mustWrite(c *Client, status consentv1.ConsentStatus, fence bool) {
	w.t.Helper()
	if err := w.write(c, status, fence); err != nil {
		w.t.Fatalf("RecordEvents = %v", err)
	}
}

const (
	nearGiven     = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
	nearWithdrawn = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
)

// ask checks "u" and says whether it is allowed and whether the server was asked.
func (w *world) ask(c *Client) (allowed, remote bool) {
	w.t.Helper()
	before := w.asked()
	d, err := c.Check(w.t.Context(), NewCheck("example", "u", "p"))
	if err != nil {
		w.t.Errorf("Check = %v", err)
	}
	return d.Allowed, w.asked() > before
}

func (w *world) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks
}

// expect checks "u".
func (w *world) expect(c *Client, allowed, remote bool) {
	w.t.Helper()
	if gotAllowed, gotRemote := w.ask(c); gotAllowed != allowed || gotRemote != remote {
		w.t.Errorf("allowed %v, remote %v; want %v, %v", gotAllowed, gotRemote, allowed, remote)
	}
}

// cached makes c hold a decision that allows.
func (w *world) cached(c *Client) {
	w.t.Helper()
	w.mustWrite(c, nearGiven, true)
	synctest.Wait()
	w.expect(c, true, true)
	w.expect(c, true, false)
}

// inBubble runs a test in a bubble, with a world and two clients: the second writes.
func inBubble(t *testing.T, test func(w *world, c, writer *Client)) {
	inBubbleWith(t, nil, test)
}

func inBubbleWith(t *testing.T, tap tap, test func(w *world, c, writer *Client)) {
	t.Helper()
	inBubbleOf(t, bubble{tap: tap}, test)
}

// bubble is what a bubble has of its own: who sees the messages of the first client, and the lease; zero: the default.
type bubble struct {
	tap   tap
	lease time.Duration
}

func inBubbleOf(t *testing.T, b bubble, test func(w *world, c, writer *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, b.lease)
		c, writer := w.dial(b.tap), w.dial(nil)
		synctest.Wait()
		test(w, c, writer)
		for _, c := range []*Client{c, writer} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		w.stop()
	})
}

func TestNearHitsAndMisses(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.cached(c)
		w.mustWrite(writer, nearWithdrawn, true)
		w.expect(c, false, true)
		w.expect(c, false, false)
		if s := c.NearCacheStats(); s.Hits != 2 || s.Misses != 2 || !s.Leased || s.Streams != 1 {
			w.t.Errorf("stats are %+v", s)
		}
	})
}

// Caches hear of a change while the disk syncs, so that its fence need not wait for them once more. Until it is
// visible the server answers from the state before, which no cache keeps.
func TestChangesAreToldWhileTheDiskSyncs(t *testing.T) {
	inBubble(t, func(w *world, c, writer *Client) {
		w.cached(c)
		w.mu.Lock()
		w.syncing = time.Second
		w.mu.Unlock()
		var write sync.WaitGroup
		var fenced time.Duration
		write.Go(func() { fenced = took(func() { w.mustWrite(writer, nearWithdrawn, true) }) })
		time.Sleep(time.Second / 2)
		for range 3 {
			w.expect(c, true, true)
		}
		write.Wait()
		if fenced != time.Second {
			w.t.Errorf("the fenced write took %v, want as long as the disk", fenced)
		}
		w.expect(c, false, true)
		w.expect(c, false, false)
	})
}

// The faults that a near cache must not have, each planted once: the scenario that passes without it sees it.
func TestPlantedFaultsAreCaught(t *testing.T) {
	for name, fault := range map[string]struct {
		plant tap
		// scenario returns whether there was a wrong ALLOW.
		scenario func(w *world, c, writer *Client) bool
		late     time.Duration
	}{
		"floor ignored":           {plant: ignoreFloors, scenario: withdrawn},
		"lease from receipt":      {plant: leaseFromReceipt, scenario: withdrawn, late: watch.DefaultLease * 7 / 4},
		"policy revision ignored": {plant: ignorePolicy, scenario: policyChanged},
	} {
		for _, planted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, planted %v", name, planted), func(t *testing.T) {
				var late atomic.Int64
				wire := func(n *nearCache, s *nearSession, m *consentv1.WatchInvalidationsResponse) {
					time.Sleep(time.Duration(late.Load()))
					if planted {
						fault.plant(n, s, m)
					}
				}
				inBubbleWith(t, wire, func(w *world, c, writer *Client) {
					w.cached(c)
					late.Store(int64(fault.late))
					time.Sleep(watch.DefaultLease / 3) // a heartbeat is under way
					if wrong := fault.scenario(w, c, writer); wrong != planted {
						t.Errorf("a wrong ALLOW: %v, want %v", wrong, planted)
					}
					late.Store(0)
				})
			})
		}
	}
}

func ignoreFloors(_ *nearCache, _ *nearSession, m *consentv1.WatchInvalidationsResponse) {
	m.Slots = nil
	m.Checksum = m.Sum()
}

func leaseFromReceipt(n *nearCache, s *nearSession, _ *consentv1.WatchInvalidationsResponse) {
	s.beats.Lock()
	defer s.beats.Unlock()
	for i := range s.beats.sent {
		s.beats.sent[i] = n.clock()
	}
}

func ignorePolicy(_ *nearCache, s *nearSession, m *consentv1.WatchInvalidationsResponse) {
	m.PolicyRevision = s.policy
	m.Checksum = m.Sum()
}

func withdrawn(w *world, c, writer *Client) bool {
	w.mustWrite(writer, nearWithdrawn, true)
	return w.everAllowed(c)
}

func policyChanged(w *world, c, _ *Client) bool {
	w.activate("deny all")
	if err := w.hub.Fence(w.t.Context(), 0); err != nil {
		w.t.Error(err)
	}
	return w.everAllowed(c)
}

// everAllowed asks for three leases.
func (w *world) everAllowed(c *Client) bool {
	for range 48 {
		if allowed, _ := w.ask(c); allowed {
			return true
		}
		time.Sleep(watch.DefaultLease / 16)
	}
	return false
}
