package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
)

// told is a server that is told of answers.
type told struct {
	consentv1.DecisionServiceClient
	mu    sync.Mutex
	calls int
	err   error
	// denied is a purpose for which reports are refused whole.
	denied string
	got    []*consentv1.ReportedAnswers
}

func (s *told) ReportAnswers(
	_ context.Context, r *consentv1.ReportAnswersRequest, _ ...grpc.CallOption,
) (*consentv1.ReportAnswersResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		return nil, s.err
	}
	if len(r.GetAnswers()) > maxReported {
		return nil, errors.New("too many at once")
	}
	for _, a := range r.GetAnswers() {
		if a.GetPurpose() == s.denied {
			return nil, status.Error(codes.PermissionDenied, "not this caller's")
		}
	}
	s.got = append(s.got, r.GetAnswers()...)
	return &consentv1.ReportAnswersResponse{}, nil
}

// count is how many answers of a decision were told.
func (s *told) count(id string) (n uint64) {
	for _, a := range s.got {
		if a.GetDecisionId() == id {
			n += a.GetCount()
		}
	}
	return n
}

func reportedEntry(id string, answers uint64) *nearEntry {
	request := NewCheck("example", "u", "marketing_email")
	request.DataCategories = []string{"user.contact.email"}
	request.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR}
	e := &nearEntry{request: request, decision: Decision{ID: id, Allowed: true}}
	e.answers.Store(answers)
	return e
}

// TestReportsCountEachAnswerOnce, of entries in the table, thrown away, and of a stream that ended.
func TestReportsCountEachAnswerOnce(t *testing.T) {
	server := &told{}
	r := newNearReports(0, server)
	session := &nearSession{table: remembered.NewTable[nearEntry](1<<16, 0), reports: r}
	never := func(*nearEntry) bool { return false }
	put := func(hash uint64, e *nearEntry) {
		if gone := session.table.Put(hash*0x9e3779b97f4a7c15, 0, e, never, func(*nearEntry) bool { return true }); gone != nil {
			t.Fatal("a full bucket")
		}
	}
	one := reportedEntry("many", 1)
	put(1, one)
	for i := range uint64(2499) {
		put(i+2, reportedEntry("many", 1))
	}
	put(3000, reportedEntry("unused", 0))
	r.retire(reportedEntry("gone", 7))
	r.report(session, time.Second)
	r.report(session, time.Second)
	if server.count("many") != 2500 || server.count("gone") != 7 || server.count("unused") != 0 || server.calls != 3 {
		t.Fatalf("%d calls: many %d, gone %d", server.calls, server.count("many"), server.count("gone"))
	}
	a := server.got[0]
	if a.GetController() != "example" || a.GetPurpose() != "marketing_email" ||
		!slices.Equal(a.GetDataCategories(), []string{"user.contact.email"}) ||
		a.GetRecipientKind() != consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR || a.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Errorf("told %v", a)
	}
	one.answers.Add(3)
	r.retireAll(session.table)
	r.report(nil, time.Second)
	if got := server.count("many"); got != 2503 {
		t.Errorf("after the end of the stream %d answers, want 2503", got)
	}
}

// TestReportsOfARightThatWasLost: what was answered by the rights that are left is told.
func TestReportsOfARightThatWasLost(t *testing.T) {
	server := &told{denied: "ai_training"}
	r := newNearReports(0, server)
	for i := range 1500 {
		e := reportedEntry("kept", 1)
		if i%2 == 0 {
			e = reportedEntry("lost", 1)
			e.request.Purpose = "ai_training"
		}
		r.retire(e)
	}
	r.report(nil, time.Second)
	if kept, lost := server.count("kept"), server.count("lost"); kept != 750 || lost != 0 || server.calls > 4 {
		t.Errorf("%d of 750 answers were told, and %d of a purpose that is not this caller's, by %d calls", kept, lost, server.calls)
	}
}

func TestReportsThatFail(t *testing.T) {
	server := &told{err: status.Error(codes.Unavailable, "down")}
	r := newNearReports(0, server)
	r.retire(reportedEntry("a", 5))
	r.report(nil, time.Second)
	server.err = nil
	r.report(nil, time.Second)
	if server.count("a") != 5 {
		t.Errorf("after the server was down %d answers, want 5", server.count("a"))
	}
	// What was refused before it was looked at is told later.
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.Unauthenticated} {
		server.err = status.Error(code, "later")
		r.retire(reportedEntry(code.String(), 5))
		r.report(nil, time.Second)
		server.err = nil
		r.report(nil, time.Second)
		if got := server.count(code.String()); got != 5 {
			t.Errorf("after %v %d answers, want 5", code, got)
		}
	}
	// What may have arrived is not told twice.
	server.err = status.Error(codes.DeadlineExceeded, "slow")
	r.retire(reportedEntry("b", 5))
	r.report(nil, time.Second)
	server.err = nil
	r.report(nil, time.Second)
	if server.count("b") != 0 {
		t.Errorf("a report without an answer was sent again")
	}
	// A server that does not know the call is asked no more.
	server.err = status.Error(codes.Unimplemented, "unknown method")
	calls := server.calls
	for range 3 {
		r.retire(reportedEntry("c", 1))
		r.report(nil, time.Second)
	}
	if server.calls != calls+1 || len(r.gone) > 0 {
		t.Errorf("an older server was asked %d times", server.calls-calls)
	}
	for range maxGone + 10 {
		r.off.Store(false)
		r.retire(reportedEntry("d", 1))
	}
	if len(r.gone) != maxGone {
		t.Errorf("%d entries wait to be reported, want %d at most", len(r.gone), maxGone)
	}
}
