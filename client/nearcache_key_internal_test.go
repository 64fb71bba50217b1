package client

import (
	"hash/maphash"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func keyRequest() *consentv1.CheckRequest {
	facts, err := structpb.NewStruct(map[string]any{
		"anonymized": true, "role": "processor", "n": 1.5, "none": nil, "list": []any{"a", map[string]any{"b": false}},
	})
	if err != nil {
		panic(err)
	}
	return &consentv1.CheckRequest{
		Controller: "c", SubjectId: "s", Purpose: "p", DataCategories: []string{"a", "b.c"}, Context: facts,
		Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "r", Country: "DE"},
	}
}

// Each field of a request and of what it holds is part of the key: a field that is added to the proto files fails
// here until somebody has thought of it.
func TestKeyHoldsEveryField(t *testing.T) {
	n := &nearCache{seed: maphash.MakeSeed()}
	base := keyRequest()
	differs := func(name string, other *consentv1.CheckRequest) {
		t.Helper()
		if sameRequest(base, other) || sameRequest(other, base) {
			t.Errorf("%s: the key is the same", name)
		}
		if n.hash(base) == n.hash(other) {
			t.Errorf("%s: the hash is the same", name)
		}
	}
	fields := base.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if fields.Get(i).Name() == "consistency" {
			continue
		}
		other := proto.CloneOf(base)
		other.ProtoReflect().Clear(fields.Get(i))
		differs("without "+string(fields.Get(i).Name()), other)
	}
	recipient := base.GetRecipient().ProtoReflect().Descriptor().Fields()
	for i := range recipient.Len() {
		other := proto.CloneOf(base)
		other.GetRecipient().ProtoReflect().Clear(recipient.Get(i))
		differs("without recipient."+string(recipient.Get(i).Name()), other)
	}
	for name := range base.GetContext().GetFields() {
		other := proto.CloneOf(base)
		delete(other.GetContext().GetFields(), name)
		differs("without context."+name, other)
	}
	for name, change := range map[string]func(*consentv1.CheckRequest){
		"categories in another order": func(r *consentv1.CheckRequest) { r.DataCategories = []string{"b.c", "a"} },
		"false for true":              func(r *consentv1.CheckRequest) { r.Context.Fields["anonymized"] = structpb.NewBoolValue(false) },
		"null for false":              func(r *consentv1.CheckRequest) { r.Context.Fields["anonymized"] = structpb.NewNullValue() },
		"a string for a number":       func(r *consentv1.CheckRequest) { r.Context.Fields["n"] = structpb.NewStringValue("1.5") },
		"a nested value": func(r *consentv1.CheckRequest) {
			r.Context.Fields["list"].GetListValue().Values[1].GetStructValue().Fields["b"] = structpb.NewBoolValue(true)
		},
		"ids swapped": func(r *consentv1.CheckRequest) { r.Controller, r.SubjectId = "s", "c" },
		"shifted":     func(r *consentv1.CheckRequest) { r.Controller, r.SubjectId = "cs", "" },
	} {
		other := proto.CloneOf(base)
		change(other)
		differs(name, other)
	}
}

// What this version does not know of a request may change the answer.
func TestUnknownFieldsAreNotCached(t *testing.T) {
	unknown := protoreflect.RawFields{0xf8, 0x7f, 1}
	for name, change := range map[string]func(*consentv1.CheckRequest){
		"request":   func(r *consentv1.CheckRequest) { r.ProtoReflect().SetUnknown(unknown) },
		"recipient": func(r *consentv1.CheckRequest) { r.Recipient.ProtoReflect().SetUnknown(unknown) },
	} {
		r := keyRequest()
		change(r)
		if sameRequest(keyRequest(), r) || keepable(r, keepableResponse()) {
			t.Errorf("%s: a field that is not known is ignored", name)
		}
	}
}

func keepableResponse() *consentv1.CheckResponse {
	return &consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_ALLOW}
}

func TestWhatIsKept(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*consentv1.CheckResponse)
		want   bool
	}{
		"ALLOW":               {func(*consentv1.CheckResponse) {}, true},
		"DENY":                {func(r *consentv1.CheckResponse) { r.Decision = consentv1.Decision_DECISION_DENY }, true},
		"no decision":         {func(r *consentv1.CheckResponse) { r.Decision = 0 }, false},
		"an unknown decision": {func(r *consentv1.CheckResponse) { r.Decision = 3 }, false},
		"POLICY_ERROR": {func(r *consentv1.CheckResponse) {
			r.Reasons = []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_POLICY_ERROR}}
		}, false},
		"a degraded denial": {func(r *consentv1.CheckResponse) {
			r.Decision, r.Degraded = consentv1.Decision_DECISION_DENY, consentv1.Degradation_DEGRADATION_DENIED
		}, false},
		"a degraded ALLOW":       {func(r *consentv1.CheckResponse) { r.Degraded = consentv1.Degradation_DEGRADATION_STALE }, false},
		"an unknown degradation": {func(r *consentv1.CheckResponse) { r.Degraded = 9 }, false},
		"a field of a later version": {func(r *consentv1.CheckResponse) {
			r.ProtoReflect().SetUnknown(protoreflect.RawFields{0xf8, 0x7f, 1})
		}, false},
		"too large": {func(r *consentv1.CheckResponse) { r.PermittedDataCategories = make([]string, maxNearBytes) }, false},
	} {
		r := keepableResponse()
		row.change(r)
		if got := keepable(keyRequest(), r); got != row.want {
			t.Errorf("%s: kept %v, want %v", name, got, row.want)
		}
	}
}

// Requests with the same key are the same, and have the same hash.
func FuzzNearKey(f *testing.F) {
	encode := func(r *consentv1.CheckRequest) []byte {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(encode(keyRequest()), encode(keyRequest()))
	f.Add(encode(NewCheck("a", "b", "c")), encode(NewCheck("ab", "", "c")))
	f.Add(encode(NewCheck("a", "b", "c")), []byte{})
	n := &nearCache{seed: maphash.MakeSeed()}
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, b := &consentv1.CheckRequest{}, &consentv1.CheckRequest{}
		known := proto.UnmarshalOptions{DiscardUnknown: true} // TestUnknownFieldsAreNotCached is about others
		if known.Unmarshal(x, a) != nil || known.Unmarshal(y, b) != nil {
			return
		}
		a.Consistency, b.Consistency = nil, nil
		if !sameRequest(a, b) {
			if c := proto.CloneOf(a); n.hash(a) != n.hash(c) {
				t.Error("a copy has another hash")
			}
			return
		}
		if !proto.Equal(a, b) {
			t.Errorf("%v and %v have the same key", a, b)
		}
		if n.hash(a) != n.hash(b) {
			t.Errorf("%v has two hashes", a)
		}
	})
}

// Whatever the bytes of a message become, it is refused or says the same.
func FuzzDamagedMessage(f *testing.F) {
	message := func() *consentv1.WatchInvalidationsResponse {
		m := &consentv1.WatchInvalidationsResponse{
			FromPosition: 5, Position: 8, Revision: 77, Slots: []uint32{1, 3, 65535}, PolicyRevision: "p2", Heartbeat: 1, ServerTime: 99,
		}
		m.Checksum = m.Sum()
		return m
	}
	f.Add(uint16(0), byte(1))
	f.Add(uint16(9), byte(0x80))
	f.Fuzz(func(t *testing.T, at uint16, flip byte) {
		encoded, err := proto.Marshal(message())
		if err != nil {
			t.Fatal(err)
		}
		encoded[int(at)%len(encoded)] ^= flip
		m := &consentv1.WatchInvalidationsResponse{}
		if proto.Unmarshal(encoded, m) != nil {
			return
		}
		s := testSession(t)
		if err := s.apply(m); err != nil {
			return
		}
		m.ProtoReflect().SetUnknown(nil)
		if !proto.Equal(m, message()) {
			t.Errorf("a damaged message was applied: %v", m)
		}
	})
}

// testSession is a session at position 5 and revision 70 that sent one heartbeat.
func testSession(t testing.TB) *nearSession {
	t.Helper()
	hello := &consentv1.WatchInvalidationsResponse{
		FromPosition: 5, Position: 5, Revision: 70, PolicyRevision: "p1", Hello: testHello(),
	}
	hello.Checksum = hello.Sum()
	s, err := newNearSession(hello, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.beat(reading{mono: 1, wall: 1})
	return s
}
