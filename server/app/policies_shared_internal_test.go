package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/shared/sharedtest"
)

// sharingNode is a server that serves, and shares policies with others.
func sharingNode(t *testing.T, sets *sharedtest.Memory) (*App, *grpc.ClientConn) {
	t.Helper()
	a, err := New(Config{
		GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir(),
		shared: &sharedStore{sets: sets, name: "the test's store"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }()
	conn, err := grpc.NewClient(a.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		cancel()
		if err := errors.Join(<-served, a.Close()); err != nil {
			t.Error(err)
		}
	})
	return a, conn
}

// candidateWith asks for the shipped policies with a file in another form, and to wait for everybody.
func candidateWith(t *testing.T, path, content string) *consentv1.ActivatePolicyRequest {
	t.Helper()
	r := &consentv1.ActivatePolicyRequest{Fence: true}
	for _, f := range shippedWith(t, path, content) {
		r.Files = append(r.Files, &consentv1.PolicyFile{Path: f.Path, Content: f.Content})
	}
	return r
}

// TestTwoServersShareTheirPolicies: what is activated on one is in force on the other, which does not prove it again,
// and what each says of it, in the API, at /nodez and in its metrics.
func TestTwoServersShareTheirPolicies(t *testing.T) {
	sets := &sharedtest.Memory{}
	one, conn := sharingNode(t, sets)
	other, otherConn := sharingNode(t, sets)
	before := one.policies.Current().Revision()
	table := strings.Replace(mailGrant, "marketing_email", "ai_training", 1)
	done, err := consentv1.NewPolicyServiceClient(conn).ActivatePolicy(t.Context(), candidateWith(t, "access/data.yaml", table))
	if err != nil || done.GetActivationNumber() != 1 || done.GetPreviousPolicyRevision() != before {
		t.Fatalf("ActivatePolicy = %v, %v", done, err)
	}
	page := nodezOf(t, other)
	if page.NewestActivation != 0 || page.Nodes[0].PolicyRevision != before {
		t.Errorf("before it heard of it: %+v", page)
	}
	other.manager.Heard(1)
	if _, err := other.manager.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := consentv1.NewPolicyServiceClient(otherConn).GetPolicy(t.Context(), &consentv1.GetPolicyRequest{})
	s := got.GetStatus()
	if err != nil || got.GetPolicyRevision() != done.GetPolicyRevision() || s.GetActivationNumber() != 1 ||
		s.GetProvenBy() != one.node.named() && one.node.named() != other.node.named() {
		t.Errorf("the other node: %v, %v", got.GetPolicyRevision(), s)
	}
	for name, c := range map[string]*grpc.ClientConn{"one": conn, "other": otherConn} {
		h, err := consentv1.NewPolicyServiceClient(c).ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
		if err != nil || len(h.GetSpans()) != 2 || h.GetSpans()[0].GetActivationNumber() != 1 || !h.GetSpans()[0].GetKept() {
			t.Errorf("%s: history %v, %v", name, h, err)
		}
		n, err := consentv1.NewAdminServiceClient(c).ListNodes(t.Context(), &consentv1.ListNodesRequest{})
		if err != nil || len(n.GetNodes()) != 1 || n.GetNodes()[0].GetActivationNumber() != 1 || !n.GetNodes()[0].GetAsked() ||
			n.GetNodes()[0].GetState() != consentv1.NodeState_NODE_STATE_ALIVE || n.GetNewestActivationNumber() != 1 {
			t.Errorf("%s: nodes %v, %v", name, n, err)
		}
	}
	if page := nodezOf(t, other); page.NewestActivation != 1 || page.Nodes[0].PolicyRevision != done.GetPolicyRevision() ||
		page.Nodes[0].State != "ALIVE" || page.Incomplete != "" {
		t.Errorf("/nodez: %+v", page)
	}
	for name, want := range map[string]float64{"consentd_policy_behind": 0, "consentd_policy_activation_number": 1} {
		if got := gaugeOf(t, other, name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	defer sets.Break()()
	other.manager.Heard(2) // which the store, that knows nothing of it, cannot set right now
	if got := gaugeOf(t, other, "consentd_policy_behind"); got != 1 {
		t.Errorf("consentd_policy_behind = %v of a node that is", got)
	}
}

func nodezOf(t *testing.T, a *App) (page nodesPage) {
	t.Helper()
	answer, err := http.Get("http://" + a.HTTPAddr() + "/nodez")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil || len(page.Nodes) != 1 || answer.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("/nodez: %v, %s", err, body)
	}
	return page
}

func gaugeOf(t *testing.T, a *App, name string) float64 {
	t.Helper()
	families, err := a.Metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// awayLister cannot ask the store.
type awayLister struct{}

func (awayLister) Nodes(context.Context) (consent.Nodes, error) {
	return consent.Nodes{}, fmt.Errorf("%w: password=hunter2", consent.ErrUnavailable)
}

// TestNodezWhileTheStoreIsAway: the node tells of itself, that this is all, and nothing of what a driver said.
func TestNodezWhileTheStoreIsAway(t *testing.T) {
	warned := 0
	h := nodesHandler{lister: awayLister{}, warn: func(error) { warned++ }, self: func() consent.Node {
		return consent.Node{ID: "0a", Name: "a", Asked: true, State: consent.NodeAlive, Applied: 7, PolicyRevision: "r1"}
	}}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nodez", nil))
	var page nodesPage
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || page.Incomplete == "" || len(page.Nodes) != 1 || page.Nodes[0].Applied != 7 || warned != 1 ||
		strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestWhatANodeSaysOfItself is read by others as it was said; what is no JSON says nothing.
func TestWhatANodeSaysOfItself(t *testing.T) {
	a, _ := sharingNode(t, &sharedtest.Memory{})
	self := a.self()
	var read consent.Node
	describe(&read, a.about())
	if read.Name != self.Name || read.Address != self.Address || read.PolicyRevision != self.PolicyRevision ||
		read.StartedAt != self.StartedAt || len(a.about()) > 4<<10 {
		t.Errorf("read %+v of %+v", read, self)
	}
	for _, about := range []string{"", "null", "[]", "{", `{"name": 7}`} {
		describe(&consent.Node{}, []byte(about))
	}
}

func TestBuildNames(t *testing.T) {
	clean := buildName("v1.2.3", "0a7b212")
	if clean != "v1.2.3, commit 0a7b212" {
		t.Errorf("a release is %q", clean)
	}
	changed, unknown := buildName("v1.2.3", "0a7b212+changes"), buildName("(devel)", "unknown")
	for _, name := range []string{changed, unknown} {
		if !strings.Contains(name, ", program ") || len(name) < 64 {
			t.Errorf("a build of changed files is %q", name)
		}
	}
}

// TestANodeTellsWhatItsCachesConfirmed: not before they did, and what came in between is told of afterwards.
func TestANodeTellsWhatItsCachesConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		number, fences := uint64(1), make(chan struct{})
		r := newPolicyReport(func() uint64 { return number }, func(ctx context.Context) error {
			select {
			case <-fences:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		r.start()
		expect := func(want uint64) {
			t.Helper()
			synctest.Wait()
			if got := r.Number(); got != want {
				t.Errorf("tells %d, want %d", got, want)
			}
		}
		expect(1)
		number = 2
		r.tell()
		expect(1)
		number = 3
		r.tell()
		fences <- struct{}{}
		expect(2)
		fences <- struct{}{}
		expect(3)
		number = 4
		r.tell()
		r.Close()
		expect(3)
	})
}
