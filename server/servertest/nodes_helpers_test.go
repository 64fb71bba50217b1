package servertest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

const (
	nodesLease     = time.Second
	nodesStaleness = 300 * time.Millisecond
	// nodesPatience is how long a test waits for what takes a second or two; the machine may have much else to do.
	nodesPatience = 40 * time.Second
)

// fleet are servers on one database.
type fleet struct {
	t *testing.T
	// database is its name.
	database string
	nodes    []*fleetNode
	// configure changes the options of nodes that join; nil changes nothing.
	configure func(*servertest.Options)
}

// fleetNode is a server, and its way to the database.
type fleetNode struct {
	*servertest.Server
	way *pgtest.Proxy
}

// newFleet makes a database on a server and starts so many nodes on it, each behind a proxy of its own to an address.
func newFleet(t *testing.T, db *pgtest.Server, n int) *fleet {
	t.Helper()
	name, err := db.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := postgres.Migrate(t.Context(), db.URL(name), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, database: name}
	for range n {
		f.join(db.NewProxy(t))
	}
	return f
}

// join starts another node behind a proxy.
func (f *fleet) join(way *pgtest.Proxy) *fleetNode {
	f.t.Helper()
	n := &fleetNode{way: way}
	o := servertest.Options{
		DrainTimeout: time.Second,
		Configure: func(c *app.Config) {
			c.Store = app.StoreConfig{
				URL: way.URL(f.database), Lease: nodesLease, MaxStaleness: nodesStaleness, Name: fmt.Sprint("node ", len(f.nodes)),
			}
		},
	}
	if f.configure != nil {
		f.configure(&o)
	}
	n.Server = servertest.Start(f.t, o)
	f.nodes = append(f.nodes, n)
	return n
}

// lead has all nodes reach another server from now on.
func (f *fleet) lead(to *pgtest.Server) {
	for _, n := range f.nodes {
		n.way.Target(to.Addr())
	}
}

// all waits until something holds of all nodes.
func (f *fleet) all(what string, holds func(*fleetNode) bool) {
	f.t.Helper()
	for i, n := range f.nodes {
		eventually(f.t, fmt.Sprintf("node %d: %s", i, what), func() bool { return holds(n) })
	}
}

// eventually waits until something holds, and fails the test where it does not in time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(nodesPatience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("in %v it did not come to this: %s", nodesPatience, what)
		}
	}
}

func (n *fleetNode) metric(t *testing.T, name string) float64 {
	t.Helper()
	return n.Metric(t, name, nil)
}

// standing is whether the node may answer from its memory.
func (n *fleetNode) standing(t *testing.T) bool {
	t.Helper()
	return n.metric(t, "consentd_node_standing") == 1
}

// bounded makes a call with a deadline.
func bounded[Q, A any](t *testing.T, call func(context.Context, Q) (A, error), request Q, limit time.Duration) (A, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return call(ctx, request)
}

// record records what somebody says, under an id, and returns the token.
func (n *fleetNode) record(t *testing.T, subject string, fence bool, what ...kind) (token string, err error) {
	t.Helper()
	request := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: subject, Fence: fence}
	for _, k := range what {
		e := &consentv1.Event{Id: uuid.NewString(), OccurredAt: timestamppb.Now(), Source: "privacy_settings"}
		k(e)
		request.Events = append(request.Events, e)
	}
	return n.send(t, request)
}

func (n *fleetNode) send(t *testing.T, request *consentv1.RecordEventsRequest) (token string, err error) {
	t.Helper()
	answer, err := bounded(t, func(ctx context.Context, q *consentv1.RecordEventsRequest) (*consentv1.RecordEventsResponse, error) {
		return n.Consents.RecordEvents(ctx, q)
	}, request, nodesPatience)
	return answer.GetConsistencyToken(), err
}

// mustRecord is record that goes well.
func (n *fleetNode) mustRecord(t *testing.T, subject string, fence bool, what ...kind) (token string) {
	t.Helper()
	token, err := n.record(t, subject, fence, what...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// agrees has somebody allow marketing by mail, known to all nodes.
func (n *fleetNode) agrees(t *testing.T, subject string) (token string) {
	t.Helper()
	return n.mustRecord(t, subject, true, livesIn("DE"), give("marketing_email"))
}

// The ways to check.
var (
	cached = (*consentv1.Consistency)(nil)
	fully  = &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
)

func asFresh(token string) *consentv1.Consistency {
	return &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
}

// check is whether marketing by mail is allowed: ALLOW, DENY, or the code of the error.
func (n *fleetNode) check(t *testing.T, subject string, how *consentv1.Consistency) string {
	t.Helper()
	said, err := n.checkErr(t, subject, how)
	if err != nil {
		return status.Code(err).String()
	}
	return said
}

func (n *fleetNode) checkErr(t *testing.T, subject string, how *consentv1.Consistency) (string, error) {
	t.Helper()
	answer, err := bounded(t, func(ctx context.Context, q *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
		return n.Decisions.Check(ctx, q)
	}, &consentv1.CheckRequest{
		Controller: "example", SubjectId: subject, Purpose: "marketing_email", DataCategories: []string{"user.contact.email"},
		Consistency: how,
	}, 3*time.Second)
	if err != nil {
		return "", err
	}
	if answer.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		return "ALLOW", nil
	}
	return "DENY", nil
}

// want fails the test where a check does not come to one of these.
func (n *fleetNode) want(t *testing.T, subject string, how *consentv1.Consistency, any ...string) {
	t.Helper()
	got := n.check(t, subject, how)
	for _, w := range any {
		if got == w {
			return
		}
	}
	t.Errorf("checked by %v: %s, want %v", how, got, any)
}

// failed is what a check comes to where the state cannot be read.
var failed = []string{codes.Unavailable.String(), codes.DeadlineExceeded.String()}

// page is what a path of HTTP answers.
func (n *fleetNode) page(t *testing.T, path string) (code int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.HTTPAddr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
