package grpcapi_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/usage"
)

// counted answers each query with its record, which it keeps.
type counted struct {
	record usage.Record
	query  usage.Query
	err    error
}

func (c *counted) Record(_ context.Context, q usage.Query) (usage.Record, error) {
	c.query = q
	return c.record, c.err
}

func getUsage(t *testing.T, c *counted, r *consentv1.GetUsageRequest) (*consentv1.GetUsageResponse, error) {
	t.Helper()
	f := &fake{usages: c, policy: func() consent.Policy {
		return consent.Policy{Controllers: []consent.Controller{{ID: "acme", Purposes: []consent.Purpose{
			{Name: "ads", Categories: []string{"user.contact"}}, {Name: "mail"}, {Name: "sale", Prohibited: true},
		}}}}
	}}
	return consentv1.NewAdminServiceClient(serve(t, f).conn).GetUsage(t.Context(), r)
}

const firstDay = usage.Day(20_000)

func dayOf(d usage.Day) *timestamppb.Timestamp { return timestamppb.New(time.Unix(int64(d)*86400, 0)) }

// TestUsageBesideWhatIsDeclared: acme declares ads, limited to user.contact, and mail, and prohibits sale.
func TestUsageBesideWhatIsDeclared(t *testing.T) {
	row := func(purpose, category string) usage.Row {
		return usage.Row{
			Kind:   usage.Kind{Controller: "acme", Purpose: purpose, Caller: portal, Recipient: consent.Processor, Category: category},
			Counts: usage.Counts{Allowed: 3, Denied: 1}, First: firstDay, Last: firstDay + 2,
		}
	}
	anybody := row("ads", "")
	anybody.Caller, anybody.Recipient = consent.Identity{}, 0
	c := &counted{record: usage.Record{KeptFrom: firstDay - 5, Overflowed: 7, Rows: []usage.Row{
		anybody, row("ads", "user.contact"), row("ads", "user.contact.email"), row("ads", "user.contacts"), row("ads", "user"),
		row("adz", "user.contact"),
	}}}
	got, err := getUsage(t, c, &consentv1.GetUsageRequest{Controller: "acme", From: dayOf(firstDay), Until: dayOf(firstDay + 3)})
	if err != nil {
		t.Fatal(err)
	}
	if want := (usage.Query{Controller: "acme", From: firstDay, Until: firstDay + 3}); c.query != want {
		t.Errorf("asked for %+v, want %+v", c.query, want)
	}
	var declared [][2]bool
	for _, u := range got.GetUsages() {
		declared = append(declared, [2]bool{u.GetDeclared(), u.GetCategoryDeclared()})
	}
	want := [][2]bool{{true, false}, {true, true}, {true, true}, {true, false}, {true, false}, {false, false}}
	if diff := cmp.Diff(want, declared); diff != "" {
		t.Errorf("purpose and category declared (-want +got):\n%s", diff)
	}
	first := &consentv1.Usage{
		Controller: "acme", Purpose: "ads", Caller: &consentv1.Caller{Kind: "anonymous"}, Allowed: 3, Denied: 1,
		FirstDay: dayOf(firstDay), LastDay: dayOf(firstDay + 2), Declared: true,
	}
	if diff := cmp.Diff(first, got.GetUsages()[0], protocmp.Transform()); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	if u := got.GetUsages()[1]; u.GetCaller().GetIssuer() != portal.Issuer || u.GetDataCategory() != "user.contact" ||
		u.GetRecipientKind() != consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR {
		t.Errorf("the second: %v", u)
	}
	if got.GetOverflowed() != 7 || !got.GetKeptFrom().AsTime().Equal(dayOf(firstDay-5).AsTime()) {
		t.Errorf("overflowed %d, kept from %v", got.GetOverflowed(), got.GetKeptFrom())
	}
	unused := []*consentv1.UnusedPurpose{{Controller: "acme", Purpose: "mail"}}
	if diff := cmp.Diff(unused, got.GetUnused(), protocmp.Transform()); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
}

func TestUsageRefusesBadDays(t *testing.T) {
	for name, row := range map[string]struct {
		request *consentv1.GetUsageRequest
		field   string
	}{
		"from out of range":     {&consentv1.GetUsageRequest{From: &timestamppb.Timestamp{Seconds: 1 << 60}}, "from"},
		"from 1969":             {&consentv1.GetUsageRequest{From: &timestamppb.Timestamp{Seconds: -1}}, "from"},
		"until before from":     {&consentv1.GetUsageRequest{From: dayOf(firstDay + 1), Until: dayOf(firstDay)}, "until"},
		"no day":                {&consentv1.GetUsageRequest{From: dayOf(firstDay), Until: dayOf(firstDay)}, "until"},
		"a controller too long": {&consentv1.GetUsageRequest{Controller: string(make([]byte, 257))}, "controller"},
	} {
		_, err := getUsage(t, &counted{}, row.request)
		if status.Code(err) != codes.InvalidArgument || !slices.Contains(fields(err), row.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	if _, err := getUsage(t, &counted{}, &consentv1.GetUsageRequest{Controller: "exmaple"}); status.Code(err) != codes.NotFound {
		t.Errorf("a controller that is not declared and was not asked about: %v", err)
	}
	gone := &counted{record: usage.Record{Rows: []usage.Row{{Kind: usage.Kind{Controller: "gone", Purpose: "p"}}}}}
	if got, err := getUsage(t, gone, &consentv1.GetUsageRequest{Controller: "gone"}); err != nil || len(got.GetUsages()) != 1 ||
		got.GetUsages()[0].GetDeclared() || len(got.GetUnused()) != 0 {
		t.Errorf("a controller that was declared: %v, %v", got, err)
	}
	broken := &counted{err: errors.New(driverText)}
	if _, err := getUsage(t, broken, &consentv1.GetUsageRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("a disk that fails: %v", err)
	}
}
