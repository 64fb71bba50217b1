package grpcapi

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

func newTestScratch(t *testing.T) *scratch {
	t.Helper()
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(nil, adsAlone)
	if err != nil {
		t.Fatal(err)
	}
	s := &decisionService{
		authorizer: constant{}, validator: v,
		edge: edge{access: constant{}, metrics: m, errors: newErrorLog(slog.New(slog.DiscardHandler))},
	}
	return s.newScratch()
}

func encodedSmallCheck(t *testing.T) []byte {
	t.Helper()
	data, err := proto.Marshal(&consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "ads"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What a scratch was left with by a check that was allowed is never the answer to the next, whatever becomes of that.
func TestAScratchKeepsNoAnswer(t *testing.T) {
	own, good := newTestScratch(t), encodedSmallCheck(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, next := range map[string]*streamedCheck{
		"cancelled":  {request: good, ctx: checkContext{stream: over}},
		"malformed":  {request: []byte{0xff}, ctx: checkContext{stream: t.Context()}},
		"not UTF-8":  {request: []byte{0x0a, 1, 0xff}, ctx: checkContext{stream: t.Context()}},
		"incomplete": {request: []byte{0x0a, 4, 'a', 'c', 'm', 'e'}, ctx: checkContext{stream: t.Context()}},
		"empty":      {ctx: checkContext{stream: t.Context()}},
	} {
		allowed := streamedCheck{request: good, ctx: checkContext{stream: t.Context()}}
		if outcome, message := own.streamedOutcome(&allowed); outcome != wire.StreamedResultResponse || len(message) == 0 {
			t.Fatalf("the first check: outcome %d, %x", outcome, message)
		}
		outcome, message := own.streamedOutcome(next)
		var e consentv1.CheckError
		if err := proto.Unmarshal(message, &e); outcome != wire.StreamedResultError || err != nil || e.GetCode() == 0 {
			t.Errorf("%s: outcome %d, %v (%v)", name, outcome, &e, err)
		}
	}
}

// A decision that cannot be encoded is an error, not half an answer.
func TestAnAnswerThatIsNotUTF8IsAnError(t *testing.T) {
	d := consent.Decision{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "\xff"}}}
	if _, err := appendDecision(nil, &d, nil); err == nil {
		t.Error("no error")
	}
	if m, err := checkResponse(&d, nil); err == nil {
		t.Errorf("no error, but %v", m)
	}
}

func TestAStreamedCheckAllocates(t *testing.T) {
	own, request := newTestScratch(t), encodedSmallCheck(t)
	checks := make([]streamedCheck, 101) // one for each run, and one to warm up
	var outcome protowire.Number
	const budget = 4 // three strings of the request, and the reasons of this authorizer's decision
	n := testing.AllocsPerRun(len(checks)-1, func() {
		check := &checks[0]
		checks = checks[1:]
		check.request, check.ctx.stream = request, t.Context()
		outcome, _ = own.streamedOutcome(check)
	})
	if n > budget || outcome != wire.StreamedResultResponse {
		t.Errorf("%v allocations, want %d at most (outcome %d)", n, budget, outcome)
	}
}
