package grpcapi

import (
	"bytes"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// message is the CheckResponse of a decision as protobuf builds it.
func message(d *consent.Decision, token string) *consentv1.CheckResponse {
	m := &consentv1.CheckResponse{
		Decision: decisionOf(d.Effect), LegalBasis: consentv1.LegalBasis(d.Basis), PermittedDataCategories: d.PermittedDataCategories,
		ValidUntil: timestamp(d.ValidUntil), ConsistencyToken: token, PolicyRevision: d.PolicyRevision, DecisionId: d.ID,
		Degraded: consentv1.Degradation(d.Degraded),
	}
	if d.StateAge != 0 {
		m.StateAge = durationpb.New(d.StateAge)
	}
	for _, r := range d.Reasons {
		m.Reasons = append(m.Reasons, &consentv1.Reason{Code: consentv1.ReasonCode(r.Code), Clause: r.Clause, Message: messages[r.Code]})
	}
	for _, o := range d.Obligations {
		m.Obligations = append(m.Obligations, &consentv1.Obligation{Code: consentv1.ObligationCode(o.Code),
			Parameters: parameters(o.Parameters)})
	}
	return m
}

// FuzzAppendDecision holds that decisions are written as protobuf writes them, byte for byte, and refused where it
// refuses.
func FuzzAppendDecision(f *testing.F) {
	f.Add([]byte{1, 1, 1, 5, 7}, "§1", "user.contact", int64(1_700_000_000_000_000_001), "token")
	f.Add([]byte{0}, "", "", int64(0), "")
	f.Add([]byte{255, 255, 255, 255, 0, 0, 9, 9}, "\xff", "a", int64(-1), "t")
	f.Add([]byte{1, 0, 0, 0}, "a", "\xc0", int64(math.MaxInt64), "\xff")
	f.Fuzz(func(t *testing.T, codes []byte, text, other string, at int64, token string) {
		d := consent.Decision{ValidUntil: consent.Instant(at), PolicyRevision: text, ID: other}
		for i, c := range codes {
			switch i {
			case 0:
				d.Effect = consent.Effect(c)
			case 1:
				d.Basis = consent.Basis(c)
			case 2:
				d.Degraded, d.StateAge = consent.Degradation(c), time.Duration(at)/(time.Duration(c)+1)
			}
			switch c % 4 {
			case 0:
				d.Reasons = append(d.Reasons, consent.Reason{Code: consent.ReasonCode(c), Clause: text})
			case 1:
				d.Obligations = append(d.Obligations, consent.Obligation{Code: consent.ObligationCode(c)})
			case 2:
				p := []consent.Parameters{{Country: text}, {Categories: []string{other}}, {Signal: text}, {Time: d.ValidUntil}}[c/4%4]
				d.Obligations = append(d.Obligations, consent.Obligation{Code: consent.ObligationCode(c), Parameters: p})
			case 3:
				d.PermittedDataCategories = append(d.PermittedDataCategories, other)
			}
		}
		if !utf8.ValidString(token) {
			token = "token" // it is this side's, in ASCII
		}
		want, wantErr := proto.MarshalOptions{Deterministic: true}.Marshal(message(&d, token))
		got, err := appendDecision([]byte("before"), &d, []byte(token))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, protobuf's %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%x, protobuf writes %x", got, want)
		}
	})
}

// The results that surround encoded answers are as protobuf reads them.
func TestResultsAreEncodedAsProtobufReadsThem(t *testing.T) {
	d := consent.Decision{Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds}}, ID: "d"}
	body, err := appendDecision(nil, &d, []byte("t"))
	if err != nil {
		t.Fatal(err)
	}
	response := message(&d, "t")
	fault := invalidStatus([]consent.Violation{{Field: "purpose", Description: "is required"}})
	wrong := checkError(fault)
	for name, row := range map[string]struct {
		data      []byte
		got, want proto.Message
	}{
		"stream": {
			appendResult(appendResult(nil, 1, wire.StreamedResultResponse, body), math.MaxUint64, wire.StreamedResultError,
				encodedError(fault)),
			&consentv1.CheckStreamResponse{}, &consentv1.CheckStreamResponse{Results: []*consentv1.StreamedResult{
				{Id: 1, Outcome: &consentv1.StreamedResult_Response{Response: response}},
				{Id: math.MaxUint64, Outcome: &consentv1.StreamedResult_Error{Error: wrong}},
			}},
		},
		"batch": {
			appendBatched(appendBatched(nil, wire.BatchCheckResultError, encodedError(fault)), wire.BatchCheckResultResponse, body),
			&consentv1.BatchCheckResponse{}, &consentv1.BatchCheckResponse{Results: []*consentv1.BatchCheckResult{
				{Outcome: &consentv1.BatchCheckResult_Error{Error: wrong}},
				{Outcome: &consentv1.BatchCheckResult_Response{Response: response}},
			}},
		},
		"purposes": {
			appendPurpose(appendPurpose(nil, "ads", body), "", body),
			&consentv1.ListPurposesResponse{}, &consentv1.ListPurposesResponse{Purposes: []*consentv1.PurposeDecision{
				{Purpose: "ads", Response: response}, {Response: response},
			}},
		},
	} {
		if err := proto.Unmarshal(row.data, row.got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(row.want, row.got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	longest := appendResult(nil, math.MaxUint64, wire.StreamedResultResponse, make([]byte, 4<<20))
	if over := len(longest) - 4<<20; over > resultOverhead {
		t.Errorf("a result takes %d bytes more than its message, over the %d that are reckoned with", over, resultOverhead)
	}
}
