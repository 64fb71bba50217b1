package grpcapi_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/policy"
)

// Compare answers by the first file's path.
func (f *fake) Compare(ctx context.Context, r diff.Request) (diff.Result, error) {
	switch r.Files[0].Path {
	case "busy":
		return diff.Result{}, consent.ErrBusy
	case "broken":
		return diff.Result{}, &consent.PolicyFaultsError{Faults: []consent.PolicyFault{{File: "a.rego", Line: 3, Message: "mend it"}}}
	case "store":
		return diff.Result{}, errors.Join(consent.ErrUnavailable, errors.New("secret of a driver"))
	case "panic":
		panic("at the disk")
	}
	r.Progress(diff.Subjects, 5, 10)
	if d := r.Decisions; len(d) != 1 || d[0].Effect != consent.Allow || d[0].At != noon || d[0].Codes[0] != consent.BasisHolds ||
		d[0].Request.Purpose != "p" || !r.States || r.Sample != 7 || !r.AllSubjects || r.Examples != 2 ||
		string(r.Files[0].Content) != "x" {
		return diff.Result{}, errors.New("the request arrived otherwise")
	}
	return diff.Result{
		ActiveRevision: "a", CandidateRevision: "c", Omitted: 9,
		Totals: []diff.Total{{
			Over: diff.Decisions, Subjects: 1, Compared: 2, Allowed: 3, Denied: 4, Changed: 5, NotReproduced: 6,
			Took: 1500 * time.Millisecond,
		}},
		Differences: []diff.Difference{{
			Key: diff.Key{
				Over: diff.States, Controller: "example", Purpose: "p", Recipient: consent.Affiliate,
				Before: diff.Side{Effect: consent.Deny}, After: diff.Side{Effect: consent.Allow, Basis: consent.BasisContract},
			},
			Count: 8, Rules: []policy.Rule{{Title: "R", File: "f", Line: 2}},
			Examples: []diff.Example{{Subject: consent.Subject{ID: "u"}, Description: "d", At: noon}},
		}},
	}, nil
}

func diffRequest(path string) *consentv1.DiffPolicyRequest {
	return &consentv1.DiffPolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: path, Content: []byte("x")}}, States: true, Sample: 7, AllSubjects: true, Examples: 2,
		Decisions: []*consentv1.RecordedDecision{{
			Check:     &consentv1.CheckRequest{Controller: "example", SubjectId: "u", Purpose: "p"},
			DecidedAt: timestamppb.New(noon.Time()), Decision: consentv1.Decision_DECISION_ALLOW,
			Reasons: []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS},
		}},
	}
}

// diffOf returns all messages of a comparison, and how it ended.
func diffOf(t *testing.T, s *served, r *consentv1.DiffPolicyRequest) (all []*consentv1.DiffPolicyResponse, err error) {
	t.Helper()
	stream, err := consentv1.NewPolicyServiceClient(s.conn).DiffPolicy(t.Context(), r)
	for err == nil {
		var m *consentv1.DiffPolicyResponse
		if m, err = stream.Recv(); err == nil {
			all = append(all, m)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return all, err
}

func TestDiffConverts(t *testing.T) {
	got, err := diffOf(t, serve(t, &fake{}), diffRequest("good"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*consentv1.DiffPolicyResponse{
		{Message: &consentv1.DiffPolicyResponse_Progress{Progress: &consentv1.DiffProgress{
			Over: consentv1.DiffOver_DIFF_OVER_SUBJECTS, Done: 5, Total: 10,
		}}},
		{Message: &consentv1.DiffPolicyResponse_Result{Result: &consentv1.DiffResult{
			ActivePolicyRevision: "a", CandidatePolicyRevision: "c", Omitted: 9,
			Totals: []*consentv1.DiffTotal{{
				Over: consentv1.DiffOver_DIFF_OVER_DECISIONS, Subjects: 1, Compared: 2, NewlyAllowed: 3, NewlyDenied: 4, OtherwiseChanged: 5,
				NotReproduced: 6, Seconds: 1.5,
			}},
			Differences: []*consentv1.PolicyDifference{{
				Over: consentv1.DiffOver_DIFF_OVER_STATES, Controller: "example", Purpose: "p",
				Recipient: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Count: 8,
				Before: &consentv1.DiffSide{Decision: consentv1.Decision_DECISION_DENY},
				After: &consentv1.DiffSide{Decision: consentv1.Decision_DECISION_ALLOW,
					LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONTRACT},
				Rules:    []*consentv1.ExplainedRule{{Title: "R", File: "f", Line: 2}},
				Examples: []*consentv1.DiffExample{{SubjectId: "u", Description: "d", DecidedAt: timestamppb.New(noon.Time())}},
			}},
		}}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A comparison is counted as other calls are, by how it ended.
func TestDiffIsCounted(t *testing.T) {
	s := serve(t, &fake{})
	for path, code := range map[string]codes.Code{"good": codes.OK, "busy": codes.ResourceExhausted, "panic": codes.Internal} {
		labels := map[string]string{"grpc_method": "DiffPolicy", "grpc_code": code.String()}
		_, err := diffOf(t, s, diffRequest(path))
		if got := counter(t, s, "grpc_server_handled_total", labels); status.Code(err) != code || got != 1 {
			t.Errorf("%s: %v, counted %v times as %v", path, err, got, code)
		}
	}
	if n := counter(t, s, "grpc_server_handling_seconds", map[string]string{"grpc_method": "DiffPolicy"}); n != 3 {
		t.Errorf("%v durations", n)
	}
}

func TestDiffRefuses(t *testing.T) {
	s := serve(t, &fake{})
	malformed := diffRequest("good")
	malformed.Decisions[0].Check.Purpose = "NO"
	malformed.Decisions[0].DecidedAt = &timestamppb.Timestamp{Seconds: -1}
	for name, test := range map[string]struct {
		request *consentv1.DiffPolicyRequest
		code    codes.Code
		fields  []string
	}{
		"no files":           {&consentv1.DiffPolicyRequest{}, codes.InvalidArgument, []string{"files"}},
		"malformed":          {malformed, codes.InvalidArgument, []string{"decisions[0].check.purpose", "decisions[0].decided_at"}},
		"another under way":  {diffRequest("busy"), codes.ResourceExhausted, nil},
		"a broken candidate": {diffRequest("broken"), codes.InvalidArgument, []string{"a.rego:3"}},
		"the store":          {diffRequest("store"), codes.Unavailable, nil},
		"a panic":            {diffRequest("panic"), codes.Internal, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := diffOf(t, s, test.request)
			if status.Code(err) != test.code || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %v", err, test.code)
			}
			for _, field := range test.fields {
				if !slices.Contains(fields(err), field) {
					t.Errorf("%v does not name %s", fields(err), field)
				}
			}
		})
	}
}
