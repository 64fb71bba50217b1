package grpcapi_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// reporter keeps what it is told.
type reporter struct {
	mu   sync.Mutex
	told []authz.Reported
}

func (r *reporter) Reported(_ context.Context, reported *authz.Reported) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, *reported)
}

func TestReportAnswers(t *testing.T) {
	f := &fake{reporter: &reporter{}}
	client := consentv1.NewDecisionServiceClient(serve(t, f).conn)
	report := func(answers ...*consentv1.ReportedAnswers) error {
		_, err := client.ReportAnswers(t.Context(), &consentv1.ReportAnswersRequest{Answers: answers})
		return err
	}
	good := &consentv1.ReportedAnswers{
		DecisionId: "d", Count: 7, Controller: "example", Purpose: "marketing_email", DataCategories: []string{"user.contact"},
		RecipientKind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Decision: consentv1.Decision_DECISION_ALLOW,
	}
	if err := report(good, &consentv1.ReportedAnswers{DecisionId: "e", Count: 1, Controller: "acme", Purpose: "ads"}); err != nil {
		t.Fatal(err)
	}
	want := []authz.Reported{
		{
			Count: 7, Decision: consent.Decision{Effect: consent.Allow, ID: "d"},
			Request: consent.Request{
				Subject: consent.Subject{Controller: "example"}, Purpose: "marketing_email", DataCategories: []string{"user.contact"},
				Recipient: consent.Recipient{Kind: consent.RecipientKind(consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE)},
			},
		},
		{
			Count: 1, Decision: consent.Decision{ID: "e"},
			Request: consent.Request{Subject: consent.Subject{Controller: "acme"}, Purpose: "ads"},
		},
	}
	if diff := cmp.Diff(want, f.reporter.told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []struct {
		field   string
		answers []*consentv1.ReportedAnswers
	}{
		{"answers", nil},
		{"answers[0].count", []*consentv1.ReportedAnswers{{DecisionId: "d", Controller: "c", Purpose: "p"}}},
		{"answers[0].decision_id", []*consentv1.ReportedAnswers{{Count: 1, Controller: "c", Purpose: "p"}}},
		{"answers[1].purpose", []*consentv1.ReportedAnswers{good, {DecisionId: "d", Count: 1, Controller: "c", Purpose: "P!"}}},
		{"answers", make([]*consentv1.ReportedAnswers, 1001)},
	} {
		for i := range bad.answers {
			if bad.answers[i] == nil {
				bad.answers[i] = good
			}
		}
		err := report(bad.answers...)
		if got := fields(err); status.Code(err) != codes.InvalidArgument || len(got) == 0 || got[0] != bad.field {
			t.Errorf("%s: %v, fields %v", bad.field, err, got)
		}
	}
	if len(f.reporter.told) != 2 {
		t.Errorf("a report with a fault was taken in part: %d", len(f.reporter.told))
	}
}
