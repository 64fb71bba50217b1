package servertest_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// gate is a clock that can be held: whoever asks for the time waits until it is opened.
type gate struct {
	mu   sync.Mutex
	hold chan struct{} // guarded by mu; nil: open
	// waiting gets a value for each call that begins to wait.
	waiting chan struct{}
}

func newGate() *gate { return &gate{waiting: make(chan struct{}, 100)} }

func (g *gate) now() consent.Instant {
	g.mu.Lock()
	hold := g.hold
	g.mu.Unlock()
	if hold != nil {
		g.waiting <- struct{}{}
		<-hold
	}
	return consent.InstantOf(time.Now())
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.hold)
	g.hold = nil
}

// draining starts a server, begins a call that is held inside it, and tells the server to stop. It returns when health
// says so.
func draining(t *testing.T, g *gate, o servertest.Options) (s *servertest.Server, called, stopped chan error) {
	t.Helper()
	o.Now = g.now
	s = servertest.Start(t, o)
	watch, err := healthpb.NewHealthClient(s.Conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	g.close()
	called, stopped = make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := s.Consents.RecordEvents(context.Background(), batch(given("under way")))
		called <- err
	}()
	<-g.waiting
	go func() { stopped <- s.Stop() }()
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("health = %v, %v; want NOT_SERVING", got, err)
	}
	return s, called, stopped
}

func TestWhatIsUnderWayEndsBeforeTheServer(t *testing.T) {
	g, dir := newGate(), t.TempDir()
	_, called, stopped := draining(t, g, servertest.Options{DataDir: dir})
	select {
	case err := <-stopped:
		t.Fatalf("the server stopped (%v) with a call under way", err)
	default:
	}
	g.open()
	if err := <-called; err != nil {
		t.Errorf("the call under way failed: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
	expectRecorded(t, servertest.Start(t, servertest.Options{DataDir: dir}), []string{"under way"})
}

func TestTheDrainHasADeadline(t *testing.T) {
	g := newGate()
	log := &lines{want: "did not end in time", seen: make(chan struct{})}
	_, called, stopped := draining(t, g, servertest.Options{
		DrainTimeout: 50 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	<-log.seen
	if err := <-called; status.Code(err) != codes.Unavailable {
		t.Errorf("the call that took too long: %v, want Unavailable", err)
	}
	g.open()
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// lines closes seen when a line with the text wanted is written.
type lines struct {
	want string
	seen chan struct{}
	once sync.Once
}

func (l *lines) Write(p []byte) (int, error) {
	if strings.Contains(string(p), l.want) {
		l.once.Do(func() { close(l.seen) })
	}
	return len(p), nil
}

// expectRecorded fails for each id that the ledger of the subject lacks.
func expectRecorded(t *testing.T, s *servertest.Server, ids []string) {
	t.Helper()
	found := map[string]bool{}
	r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: "s", PageSize: 1000}
	for {
		page, err := s.Consents.ListEvents(t.Context(), r, grpc.WaitForReady(true))
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
			t.Errorf("%q was acknowledged and is lost", id)
		}
	}
}

// TestNothingAcknowledgedIsLostByAStop stops the server under writers that write as fast as they can.
func TestNothingAcknowledgedIsLostByAStop(t *testing.T) {
	const writers, enough = 8, 200
	dir := t.TempDir()
	s := servertest.Start(t, servertest.Options{DataDir: dir})
	var mu sync.Mutex
	var acknowledged []string
	reached := make(chan struct{})
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				if _, err := s.Consents.RecordEvents(t.Context(), batch(given(id))); err != nil {
					if status.Code(err) != codes.Unavailable {
						t.Errorf("writing during the stop: %v, want Unavailable", err)
					}
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, id)
				if len(acknowledged) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	select {
	case <-reached:
	case <-ended:
		t.Fatal("the writers gave up before the stop")
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	<-ended
	expectRecorded(t, servertest.Start(t, servertest.Options{DataDir: dir}), acknowledged)
}
