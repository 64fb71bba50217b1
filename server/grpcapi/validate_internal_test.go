package grpcapi

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func fullCheck() *consentv1.CheckRequest {
	return &consentv1.CheckRequest{
		Controller: "jasminai", SubjectId: "subject-1", Purpose: "affiliate_sharing",
		DataCategories: []string{"user.behavior.site_usage", "user.device"},
		Recipient:      &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "x", Country: "DE"},
		Context:        &structpb.Struct{Fields: map[string]*structpb.Value{"anonymized": structpb.NewBoolValue(true)}},
		Consistency:    &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}},
	}
}

// The quick look must take what is common, or it is for nothing.
func TestPlainCheckTakesAFullRequest(t *testing.T) {
	if !plainCheck(fullCheck()) {
		t.Error("a well-formed request goes to the general rules")
	}
}

// agree fails if the quick look accepts what the rules refuse, and says what the rules say.
func agree(t *testing.T, v *validator, r *consentv1.CheckRequest) (valid bool) {
	t.Helper()
	faults, err := v.faults(r)
	if err != nil {
		t.Fatal(err)
	}
	if plainCheck(r) && len(faults) > 0 {
		t.Errorf("accepted %v, but the rules say %v", r, faults)
	}
	return len(faults) == 0
}

func TestPlainCheckAtTheEdges(t *testing.T) {
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		change func(*consentv1.CheckRequest)
		valid  bool
	}{
		"as it is":           {func(*consentv1.CheckRequest) {}, true},
		"no controller":      {func(r *consentv1.CheckRequest) { r.Controller = "" }, false},
		"id of 256 bytes":    {func(r *consentv1.CheckRequest) { r.SubjectId = strings.Repeat("é", 128) }, true},
		"id of 257 bytes":    {func(r *consentv1.CheckRequest) { r.SubjectId = strings.Repeat("é", 128) + "x" }, false},
		"purpose of 64":      {func(r *consentv1.CheckRequest) { r.Purpose = strings.Repeat("a", 64) }, true},
		"purpose of 65":      {func(r *consentv1.CheckRequest) { r.Purpose = strings.Repeat("a", 65) }, false},
		"purpose with digit": {func(r *consentv1.CheckRequest) { r.Purpose = "1a" }, false},
		"purpose, newline":   {func(r *consentv1.CheckRequest) { r.Purpose = "ads\n" }, false},
		"category, dot last": {func(r *consentv1.CheckRequest) { r.DataCategories = []string{"user."} }, false},
		"category, two dots": {func(r *consentv1.CheckRequest) { r.DataCategories = []string{"user..a"} }, false},
		"101 categories":     {func(r *consentv1.CheckRequest) { r.DataCategories = make([]string, 101) }, false},
		"kind 8":             {func(r *consentv1.CheckRequest) { r.Recipient.Kind = 8 }, false},
		"country de":         {func(r *consentv1.CheckRequest) { r.Recipient.Country = "de" }, false},
		"empty consistency":  {func(r *consentv1.CheckRequest) { r.Consistency.Requirement = nil }, false},
		"consistency false": {func(r *consentv1.CheckRequest) {
			r.Consistency.Requirement = &consentv1.Consistency_MinimizeLatency{}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := proto.CloneOf(fullCheck())
			row.change(r)
			if got := agree(t, v, r); got != row.valid {
				t.Errorf("the rules say valid = %v, want %v", got, row.valid)
			}
			if plainCheck(r) != row.valid {
				t.Errorf("the quick look says %v, want %v", !row.valid, row.valid)
			}
		})
	}
}

func FuzzPlainCheck(f *testing.F) {
	v, err := newValidator()
	if err != nil {
		f.Fatal(err)
	}
	seed, err := proto.Marshal(fullCheck())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var r consentv1.CheckRequest
		if proto.Unmarshal(data, &r) == nil {
			agree(t, v, &r)
		}
	})
}

func BenchmarkValidateCheck(b *testing.B) {
	v, err := newValidator()
	if err != nil {
		b.Fatal(err)
	}
	r := fullCheck()
	b.Run("rules", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if faults, err := v.faults(r); err != nil || faults != nil {
				b.Fatal(faults, err)
			}
		}
	})
	b.Run("quick", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if faults, err := v.checkFaults(r); err != nil || faults != nil {
				b.Fatal(faults, err)
			}
		}
	})
}
