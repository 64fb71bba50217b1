package grpcapi

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
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
		"a typed id":         {func(r *consentv1.CheckRequest) { r.SubjectId = "account:17" }, true},
		"a typed id, empty":  {func(r *consentv1.CheckRequest) { r.SubjectId = "account:" }, false},
		"a hash in capitals": {func(r *consentv1.CheckRequest) { r.SubjectId = "email_sha256:" + strings.Repeat("A", 64) }, false},
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

// The id of a subject is looked at wherever a request has one. What is not here is said in subjectIDsOf.
func TestSubjectIDsAreLookedAtEverywhere(t *testing.T) {
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	apart := map[string]string{
		"consent.v1.BatchCheckRequest":  "requests.subject_id",        // each item by convert
		"consent.v1.CheckStreamRequest": "checks.check.subject_id",    // each check by convert
		"consent.v1.DiffPolicyRequest":  "decisions.check.subject_id", // of the past
	}
	found := 0
	for _, file := range []protoreflect.FileDescriptor{
		consentv1.File_consent_v1_consent_service_proto, consentv1.File_consent_v1_decision_service_proto,
		consentv1.File_consent_v1_policy_service_proto,
	} {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				input := methods.Get(j).Input()
				path := subjectPath(input, 3)
				if path == "" || path == apart[string(input.FullName())] {
					continue
				}
				found++
				m := withSubject(input, strings.Split(path, "."))
				faults, err := v.faults(m)
				if err != nil {
					t.Fatal(err)
				}
				named := func(f consent.Violation) bool {
					return f.Field == path && strings.Contains(f.Description, "no account id")
				}
				if !slices.ContainsFunc(faults, named) {
					t.Errorf("%s with a malformed id at %s: %v", input.FullName(), path, faults)
				}
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d requests have an id", found)
	}
}

// subjectPath is where a message has a subject_id, so many messages deep at most; empty: nowhere.
func subjectPath(m protoreflect.MessageDescriptor, depth int) string {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		if f.Name() == "subject_id" {
			return "subject_id"
		}
		if f.Message() == nil || depth == 1 {
			continue
		}
		if rest := subjectPath(f.Message(), depth-1); rest != "" {
			return string(f.Name()) + "." + rest
		}
	}
	return ""
}

// withSubject is a message of this kind that has a malformed id at the path.
func withSubject(of protoreflect.MessageDescriptor, path []string) proto.Message {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(of.FullName())
	if err != nil {
		panic(err)
	}
	top := kind.New()
	m := top
	for _, name := range path[:len(path)-1] {
		m = m.Mutable(m.Descriptor().Fields().ByName(protoreflect.Name(name))).Message()
	}
	m.Set(m.Descriptor().Fields().ByName("subject_id"), protoreflect.ValueOfString("account:"))
	return top.Interface()
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
