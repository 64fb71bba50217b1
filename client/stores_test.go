package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// forwarder is an address behind which the server may be another from one connection to the next.
type forwarder struct {
	addr string
	wg   sync.WaitGroup

	mu sync.Mutex // guards all below
	// to is where new connections lead; empty: they are closed at once.
	to   string
	open map[net.Conn]bool
}

func newForwarder(t *testing.T, to string) *forwarder {
	t.Helper()
	listener := listen(t, "tcp", "127.0.0.1:0")
	f := &forwarder{addr: listener.Addr().String(), to: to, open: map[net.Conn]bool{}}
	f.wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() { f.forward(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		f.lead("")
		f.wg.Wait()
	})
	return f
}

// lead has all connections lead there from now on; those that there are break.
func (f *forwarder) lead(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
	for conn := range f.open {
		_ = conn.Close()
	}
	clear(f.open)
}

func (f *forwarder) forward(conn net.Conn) {
	defer conn.Close()
	f.mu.Lock()
	to := f.to
	f.open[conn] = true
	f.mu.Unlock()
	if to == "" {
		return
	}
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	f.wg.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	})
	_, _ = io.Copy(conn, server)
}

// twoStores are servers that do not share a store, in both of which u has consented.
func twoStores(t *testing.T) (a, b *servertest.Server) {
	t.Helper()
	a, b = servertest.Start(t, servertest.Options{}), servertest.Start(t, servertest.Options{})
	for _, s := range []*servertest.Server{a, b} {
		recordTraining(t, client.New(s.Conn, time.Minute), "u", given)
	}
	return a, b
}

// mismatch fails the test unless err is the error of servers that do not share a store.
func mismatch(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, client.ErrStoreMismatch) || status.Code(err) != codes.FailedPrecondition || client.Violations(err) != nil {
		t.Errorf("%s: %v; want ErrStoreMismatch as FAILED_PRECONDITION", what, err)
	}
}

func TestDialRefusesServersOfTwoStores(t *testing.T) {
	a, b := twoStores(t)
	c, err := client.Dial(a.Addr + "," + b.Addr)
	mismatch(t, "Dial", err)
	if c != nil || !strings.Contains(err.Error(), b.Addr) {
		t.Errorf("Dial = %v, %v; want an error that names %s", c, err, b.Addr)
	}
	if c, err = client.Dial(a.Addr+","+a.Addr+",127.0.0.1:1", client.WithTimeout(30*time.Second)); err != nil {
		t.Fatalf("Dial of one store: %v", err)
	}
	defer c.Close()
	if d, err := c.Check(t.Context(), client.NewCheck("example", "u", "ai_training")); err != nil || !d.Allowed {
		t.Errorf("Check = %v, %v", d, err)
	}
}

// A server that is silent, and one that is none, do not hold Dial up for longer than it says.
func TestDialDoesNotWaitForSilentServers(t *testing.T) {
	a := servertest.Start(t, servertest.Options{})
	silent := listen(t, "tcp", "127.0.0.1:0")
	defer silent.Close()
	began := time.Now()
	c, err := client.Dial(a.Addr + "," + silent.Addr().String() + ",127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if took := time.Since(began); took > 20*time.Second { // it waits for one, on a machine that may be busy
		t.Errorf("Dial took %v", took)
	}
}

// late is a client of two servers, of which only the first answered when it dialed and when it recorded u's withdrawal.
func late(t *testing.T, first, second string, opts ...client.Option) *client.Client {
	t.Helper()
	f := newForwarder(t, "")
	c, err := client.Dial(first+","+f.addr, append(opts, client.WithTimeout(30*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	recordTraining(t, c, "u", withdrawn)
	f.lead(second)
	return c
}

// untilMismatch repeats a call until the server of another store was met; it must never be an ALLOW.
func untilMismatch(t *testing.T, what string, call func() (allowed bool, err error)) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		allowed, err := call()
		if allowed {
			t.Fatalf("%s: ALLOW after the client's own withdrawal", what)
		}
		if err != nil {
			mismatch(t, what, err)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: no mismatch within 30 s", what)
		}
	}
}

// No check through servers of two stores allows what the client's own withdrawal forbids, however it travels.
func TestACheckNeverForgetsAWithdrawal(t *testing.T) {
	for name, test := range map[string]struct {
		opts []client.Option
		// told says that some checks must be answered by the other server alone.
		told bool
	}{
		"calls":      {[]client.Option{client.WithoutCoalescing()}, true},
		"streams":    {nil, true},
		"hedged":     {[]client.Option{client.WithoutCoalescing(), client.WithHedging(time.Nanosecond)}, false},
		"near cache": {[]client.Option{client.WithNearCache(client.NearCacheConfig{})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoStores(t)
			c := late(t, a.Addr, b.Addr, test.opts...)
			untilMismatch(t, "GetSubject", func() (bool, error) {
				_, err := c.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "u"})
				return false, err
			})
			told := 0
			for i := range 40 {
				d, err := c.Check(t.Context(), client.NewCheck("example", "u", "ai_training"))
				if d.Allowed {
					t.Fatalf("check %d is ALLOW after the client's own withdrawal", i)
				}
				if err != nil {
					mismatch(t, "Check", err)
					told++
				}
			}
			if test.told && told == 0 {
				t.Error("no check met the other server")
			}
		})
	}
}

func TestEveryCallTellsOfTwoStores(t *testing.T) {
	ask := client.NewCheck("example", "u", "ai_training")
	fully := proto.CloneOf(ask)
	fully.Consistency = client.FullyConsistent()
	for name, call := range map[string]func(context.Context, *client.Client) (bool, error){
		"Check": func(ctx context.Context, c *client.Client) (bool, error) {
			d, err := c.Check(ctx, ask)
			return d.Allowed, err
		},
		"Check, fully consistent": func(ctx context.Context, c *client.Client) (bool, error) {
			d, err := c.Check(ctx, fully)
			return d.Allowed, err
		},
		"Session.Check, fully consistent": func(ctx context.Context, c *client.Client) (bool, error) {
			d, err := c.Session().Check(ctx, fully)
			return d.Allowed, err
		},
		"Guard": func(ctx context.Context, c *client.Client) (ran bool, err error) {
			err = c.Guard(ctx, ask, func(context.Context, []*consentv1.Obligation) error { ran = true; return nil })
			if denied := (*client.DeniedError)(nil); errors.As(err, &denied) {
				err = nil
			}
			return ran, err
		},
		"BatchCheck": func(ctx context.Context, c *client.Client) (bool, error) {
			results, err := c.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{ask}})
			return err == nil && results[0].Decision.Allowed, err
		},
		"ListPurposes": func(ctx context.Context, c *client.Client) (allowed bool, err error) {
			purposes, err := c.ListPurposes(ctx, &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "u"})
			for _, p := range purposes {
				allowed = allowed || p.Purpose == "ai_training" && p.Decision.Allowed
			}
			return allowed, err
		},
		"Explain": func(ctx context.Context, c *client.Client) (bool, error) {
			story, err := c.Explain(ctx, &consentv1.ExplainRequest{Check: ask})
			return story.GetDecision().GetDecision() == consentv1.Decision_DECISION_ALLOW, err
		},
		"GetSubject": func(ctx context.Context, c *client.Client) (bool, error) {
			state, err := c.GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "u"})
			return err == nil && state.GetState().GetConsents()[0].GetStatus() == given, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoStores(t)
			c := late(t, a.Addr, b.Addr, client.WithoutCoalescing())
			untilMismatch(t, name, func() (bool, error) { return call(t.Context(), c) })
		})
	}
}

// A write that went to another store is recorded, but no server knows all that was written: nothing may be asked any
// more.
func TestAWriteToAnotherStore(t *testing.T) {
	a, b := twoStores(t)
	f := newForwarder(t, a.Addr)
	c, err := client.Dial(f.addr, client.WithTimeout(30*time.Second), client.WithoutCoalescing())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := c.Session()
	write := func(subject string) error {
		_, err := s.RecordEvents(t.Context(), training(subject, withdrawn))
		return err
	}
	for _, subject := range []string{"v", "w", "x"} { // the revision of b's write is lower than a's
		if err := write(subject); err != nil {
			t.Fatal(err)
		}
	}
	before := s.ConsistencyToken()
	f.lead(b.Addr)
	mismatch(t, "a write to another store", write("u"))
	ledger := client.New(b.Conn, time.Minute).Events(t.Context(), &consentv1.ListEventsRequest{Controller: "example", SubjectId: "u"})
	events := 0
	for range ledger {
		events++
	}
	if events != 2 || s.ConsistencyToken() != before {
		t.Errorf("%d events in the other store, token %q; want the withdrawal recorded and the token kept", events, s.ConsistencyToken())
	}
	f.lead(a.Addr)
	d, err := s.Check(t.Context(), client.NewCheck("example", "u", "ai_training"))
	mismatch(t, "a check of the first store", err)
	if d.Allowed {
		t.Error("the first store allows what was withdrawn in the other one")
	}
	_, err = s.BatchCheck(t.Context(), &consentv1.BatchCheckRequest{
		Requests: []*consentv1.CheckRequest{client.NewCheck("example", "u", "ai_training")},
	})
	mismatch(t, "BatchCheck", err)
	_, err = s.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "u"})
	mismatch(t, "ListPurposes", err)
}

// A server that has an older copy of the store does not know the newest write; it is not asked on without it.
func TestAnOlderCopyOfTheStore(t *testing.T) {
	dir := t.TempDir()
	a := servertest.Start(t, servertest.Options{DataDir: dir})
	f := newForwarder(t, a.Addr)
	c, err := client.Dial(f.addr, client.WithTimeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := c.Session()
	recordTraining(t, c, "u", given)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a = servertest.Start(t, servertest.Options{DataDir: dir})
	f.lead(a.Addr)
	if _, err := s.RecordEvents(t.Context(), training("u", withdrawn)); err != nil {
		t.Fatal(err)
	}
	older := servertest.Start(t, servertest.Options{DataDir: backup})
	f.lead(older.Addr)
	check := func() (bool, error) {
		d, err := s.Check(t.Context(), client.NewCheck("example", "u", "ai_training"))
		return d.Allowed, err
	}
	untilMismatch(t, "Check", check)
	// Nor is it asked on once another change has taken the revision of the write.
	other, err := client.Dial(older.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	recordTraining(t, other, "somebody", given)
	untilMismatch(t, "Check after another change", check)
}
