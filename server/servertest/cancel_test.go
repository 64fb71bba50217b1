package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/servertest"
)

// TestCasesThroughStreams runs the corpus through CheckStream. Each check is sent three times: once to be answered,
// once with a few microseconds to live, and once to be cancelled by the next message, while others are under way.
func TestCasesThroughStreams(t *testing.T) {
	t.Run("compiled", func(t *testing.T) { casesThroughStreams(t, policy.Compiled) })
	t.Run("delegating", func(t *testing.T) { casesThroughStreams(t, policy.Delegating) })
}

// TestCasesThroughStreamsByTopdown is apart, as the race detector makes minutes of it.
func TestCasesThroughStreamsByTopdown(t *testing.T) { casesThroughStreams(t, policy.Topdown) }

func casesThroughStreams(t *testing.T, engine policy.Engine) {
	s := servertest.Start(t, servertest.Options{PolicyEngine: engine})
	runs := recorded(t, s)
	stream, err := s.Decisions.CheckStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	over := 0
	for _, round := range []string{"cold", "warm"} {
		for some := range slices.Chunk(runs, 20) {
			over += checkThrice(t, stream, some)
		}
		t.Logf("%s: %d cases; cancelled or late so far: %d checks", round, len(runs), over)
	}
	if over < 10 {
		t.Errorf("only %d checks were cancelled or late: the test says little", over)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if m, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v, %v", m, err)
	}
}

// checkThrice asks about cases, and returns how many checks were cancelled or late; the others must be right.
func checkThrice(t *testing.T, stream consentv1.DecisionService_CheckStreamClient, runs []servertest.Run) (over int) {
	t.Helper()
	for i, r := range runs {
		request, err := r.Check()
		if err != nil {
			t.Fatal(err)
		}
		id := uint64(3*i + 1)
		send(t, stream, &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{
			{Id: id, Check: request, Timeout: durationpb.New(time.Minute)},
			{Id: id + 1, Check: request, Timeout: durationpb.New(time.Duration(i) * 100 * time.Microsecond)},
			{Id: id + 2, Check: request},
		}})
		send(t, stream, &consentv1.CheckStreamRequest{Cancel: []uint64{id + 2}})
	}
	seen := map[uint64]bool{}
	for len(seen) < 3*len(runs) {
		m, err := stream.Recv()
		if err != nil {
			t.Fatalf("after %d answers: %v", len(seen), err)
		}
		for _, result := range m.GetResults() {
			id, failed := result.GetId(), result.GetError()
			if seen[id] {
				t.Fatalf("two answers to check %d", id)
			}
			seen[id] = true
			code := codes.Code(failed.GetCode())
			if id%3 != 1 && (code == codes.Canceled || code == codes.DeadlineExceeded) {
				over++
				continue
			}
			expectOutcome(t, runs[(id-1)/3], result.GetResponse(), status.Error(code, failed.GetMessage()))
		}
	}
	return over
}

// recorded records the events of all cases whose check is reached, and returns these.
func recorded(t *testing.T, s *servertest.Server) (runs []servertest.Run) {
	t.Helper()
	all, start := corpus(t), time.Now()
	for i := range all {
		r := servertest.Run{Case: &all[i], Subject: fmt.Sprint("case-", i), Start: start}
		switch last, err := r.Record(t.Context(), s.Consents); {
		case err == nil:
			runs = append(runs, r)
		case r.Case.Expect.Error == "" || !last:
			t.Fatalf("%s:%d: recording: %v", r.Case.File, r.Case.Line, err)
		}
	}
	return runs
}

func send(t *testing.T, stream consentv1.DecisionService_CheckStreamClient, m *consentv1.CheckStreamRequest) {
	t.Helper()
	if err := stream.Send(m); err != nil {
		t.Fatalf("sending: %v", err)
	}
}

// FuzzStreamCancellation plays scripts on a stream to a server whose policy calls a built-in of OPA's: checks with and
// without a time limit, cancellations at any instant, the end of the stream by either way. The server outlives them
// all; no check is answered twice; what is answered is the decision, or that it was cancelled or late; and a stream
// that its client closes has answered all.
//
// Each pair of bytes is something to do, and how.
func FuzzStreamCancellation(f *testing.F) {
	s := servertest.Start(f, servertest.Options{Policies: treeOf(matching())})
	for _, script := range []string{
		"c\x00", "c\x00x\x00", "c\x01y\x05x\x00c\x02", "c\x00c\x00c\x00x\x01x\x02E\x00", "c\x03c\x04c\x05y\x20c\x01",
		"m\x40x\x10x\x20y\x09m\x40E\x00",
		"m\xffx\x01y\xffx\xf0D\x00",
	} {
		f.Add([]byte(script))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stream, err := s.Decisions.CheckStream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p := player{t: t, stream: stream, abandon: cancel}
		answers := make(chan answers, 1)
		go func() { answers <- received(stream) }()
		for i := 0; i+1 < min(len(script), 400) && !p.ended; i += 2 {
			p.play(script[i], script[i+1])
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		(<-answers).expect(t, p.asked, p.ended)
		d, err := s.Decisions.Check(t.Context(), lawful("u"))
		if err != nil || d.GetDecision() != consentv1.Decision_DECISION_ALLOW {
			t.Fatalf("after the stream: %v, %v", d, err)
		}
	})
}

func lawful(subject string) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{Controller: "acme", SubjectId: subject, Purpose: "legal_compliance"}
}

// player is the client's side of a stream.
type player struct {
	t       *testing.T
	stream  consentv1.DecisionService_CheckStreamClient
	abandon context.CancelFunc
	// asked is the last id; ended says that the stream was abandoned.
	asked uint64
	ended bool
}

func (p *player) play(what, how byte) {
	switch what {
	case 'c': // one check, with a limit of some microseconds unless how is 0
		p.send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{p.check(how)}})
	case 'm': // many checks, and a cancellation for every third of them in the same message
		m := &consentv1.CheckStreamRequest{}
		for n := range int(how) {
			m.Checks = append(m.Checks, p.check(byte(n)))
			if n%3 == 0 {
				m.Cancel = append(m.Cancel, p.asked)
			}
		}
		p.send(m)
	case 'x': // the cancellation of an earlier check, or of none
		p.send(&consentv1.CheckStreamRequest{Cancel: []uint64{p.asked - uint64(how)}})
	case 'y': // a while
		for range how {
			runtime.Gosched()
		}
	case 'E':
		p.abandon()
		p.ended = true
	}
}

func (p *player) check(limit byte) *consentv1.StreamedCheck {
	p.asked++
	c := &consentv1.StreamedCheck{Id: p.asked, Check: lawful("u")}
	if limit > 0 {
		c.Timeout = durationpb.New(time.Duration(limit) * 20 * time.Microsecond)
	}
	return c
}

func (p *player) send(m *consentv1.CheckStreamRequest) {
	p.t.Helper()
	send(p.t, p.stream, m)
}

// answers are what came on a stream, by id, and its end.
type answers struct {
	results map[uint64][]*consentv1.StreamedResult
	end     error
}

func received(stream consentv1.DecisionService_CheckStreamClient) answers {
	a := answers{results: map[uint64][]*consentv1.StreamedResult{}}
	for {
		m, err := stream.Recv()
		if err != nil {
			a.end = err
			return a
		}
		for _, r := range m.GetResults() {
			a.results[r.GetId()] = append(a.results[r.GetId()], r)
		}
	}
}

func (a answers) expect(t *testing.T, asked uint64, abandoned bool) {
	t.Helper()
	if !abandoned && !errors.Is(a.end, io.EOF) {
		t.Errorf("the stream ended with %v", a.end)
	}
	for id := uint64(1); id <= asked; id++ {
		got := a.results[id]
		switch {
		case len(got) == 0 && abandoned:
		case len(got) != 1:
			t.Errorf("check %d of %d has %d answers", id, asked, len(got))
		case got[0].GetError() == nil:
			if got[0].GetResponse().GetDecision() != consentv1.Decision_DECISION_ALLOW {
				t.Errorf("check %d: %v", id, got[0])
			}
		default:
			if code := codes.Code(got[0].GetError().GetCode()); code != codes.Canceled && code != codes.DeadlineExceeded {
				t.Errorf("check %d: %v", id, got[0])
			}
		}
	}
	if uint64(len(a.results)) > asked {
		t.Errorf("%d ids were answered, %d asked", len(a.results), asked)
	}
}
