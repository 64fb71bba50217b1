package consent_test

import (
	"bytes"
	"encoding"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/storetest"
)

func encode(t testing.TB, v encoding.BinaryAppender) []byte {
	t.Helper()
	b, err := v.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEventRoundTrip(t *testing.T) {
	events := storetest.NewGenerator(1).Events(2000)
	events = append(events,
		event(
			0, consent.Consent{Purpose: "\xff\x00", Status: 200, NoticeVersion: math.MaxUint32, ExpiresAt: math.MaxInt64},
			at(math.MinInt64),
		),
		event(0, consent.Profile{Jurisdiction: new(""), Age: &consent.Age{Min: math.MinInt16, Max: math.MaxInt16}}, at(math.MaxInt64)),
		event(0, consent.Profile{}), event(0, consent.Signals{}),
	)
	for _, want := range events {
		var got consent.Event
		if err := got.UnmarshalBinary(encode(t, &want)); err != nil {
			t.Fatalf("%v: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

func TestStateRoundTrip(t *testing.T) {
	for seed := range uint64(2000) {
		want := consent.Fold(storetest.NewGenerator(seed).Events(int(seed % 20)))
		var got consent.State
		if err := got.UnmarshalBinary(encode(t, want)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(want, &got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// Equal events have equal bytes, and every difference shows: a store compares an event sent again by its bytes.
func TestEventFormIsCanonical(t *testing.T) {
	base := func() consent.Event {
		return event(5, consent.Consent{Purpose: "p", Status: consent.Given, NoticeVersion: 1, Recipients: []string{"a", "b"}}, evidence)
	}
	want := base()
	empty := base()
	empty.Fact = consent.Consent{
		Purpose: "p", Status: consent.Given, NoticeVersion: 1, Recipients: []string{"a", "b"}, Countries: []string{},
	}
	if !bytes.Equal(encode(t, &want), encode(t, &empty)) {
		t.Error("an empty list and none differ")
	}
	changes := map[string]func(*consent.Event){
		"id":                func(e *consent.Event) { e.ID = "f" },
		"occurred_at":       func(e *consent.Event) { e.OccurredAt++ },
		"source":            func(e *consent.Event) { e.Source = "import" },
		"evidence":          func(e *consent.Event) { e.Evidence = "" },
		"text moved":        func(e *consent.Event) { e.Source, e.Evidence = e.Source+e.Evidence[:1], e.Evidence[1:] },
		"kind":              func(e *consent.Event) { e.Fact = consent.Objection{Purposes: []string{"p"}} },
		"status":            func(e *consent.Event) { e.Fact = status(consent.Refused) },
		"recipients joined": func(e *consent.Event) { e.Fact = to(given(1), "ab", "") },
	}
	for name, change := range changes {
		other := base()
		change(&other)
		if bytes.Equal(encode(t, &want), encode(t, &other)) {
			t.Errorf("%s: the change does not show", name)
		}
	}
}

func TestEventWithoutForm(t *testing.T) {
	for _, fact := range []consent.Fact{nil, &consent.Erasure{}} {
		e := event(1, fact)
		if b, err := e.AppendBinary([]byte("x")); err == nil || string(b) != "x" {
			t.Errorf("fact %T: wrote %q, error %v", fact, b, err)
		}
	}
}

// Every prefix, every extension and another version are refused, and leave the value as it was.
func TestDecodersRefuse(t *testing.T) {
	e := storetest.NewGenerator(3).Event()
	s := consent.Fold(storetest.NewGenerator(3).Events(9))
	values := map[string]struct {
		form   []byte
		decode func([]byte) error
	}{
		"event": {encode(t, &e), func(b []byte) error { return new(consent.Event).UnmarshalBinary(b) }},
		"state": {encode(t, s), func(b []byte) error { return new(consent.State).UnmarshalBinary(b) }},
	}
	for name, v := range values {
		for n := range v.form {
			if v.decode(v.form[:n:n]) == nil {
				t.Errorf("%s: the first %d of %d bytes decode", name, n, len(v.form))
			}
		}
		if v.decode(append(bytes.Clone(v.form), 0)) == nil {
			t.Errorf("%s: a byte left over is accepted", name)
		}
		newer := bytes.Clone(v.form)
		newer[0] = 9
		if err := v.decode(newer); err == nil || !strings.Contains(err.Error(), "unknown version 9") {
			t.Errorf("%s of a newer version: %v", name, err)
		}
	}
}

// A form of a few bytes that claims a long list must not make the decoder allocate for it.
func TestDecodersDoNotOverAllocate(t *testing.T) {
	objection := event(1, consent.Objection{})
	form := encode(t, &objection)
	split := len(form) - len(objection.ID) - len(objection.Source)
	// The count of purposes, 0, and the bool stand before the text.
	hostile := append(bytes.Clone(form[:split-2]), 0xff, 0xff, 0xff, 0xff, 0x07, 0)
	hostile = append(hostile, form[split:]...)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if new(consent.Event).UnmarshalBinary(hostile) == nil {
				b.Fatal("hostile form decodes")
			}
		}
	}).AllocedBytesPerOp()
	if got > 1<<10 {
		t.Errorf("decoding %d hostile bytes allocates %d bytes", len(hostile), got)
	}
}

func FuzzEvent(f *testing.F) {
	for _, e := range storetest.NewGenerator(1).Events(20) {
		f.Add(encode(f, &e))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e consent.Event
		if e.UnmarshalBinary(b) == nil && !bytes.Equal(b, encode(t, &e)) {
			t.Fatalf("%x decodes as %v, which has another form", b, e)
		}
	})
}

func FuzzState(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(encode(f, consent.Fold(storetest.NewGenerator(seed).Events(int(seed)))))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s consent.State
		if s.UnmarshalBinary(b) == nil && !bytes.Equal(b, encode(t, &s)) {
			t.Fatalf("%x decodes as %v, which has another form", b, s)
		}
	})
}

// fourConsents is the state that sizes are quoted for: four consents, a jurisdiction, an age, an account and a signal.
func fourConsents() *consent.State {
	events := []consent.Event{
		event(1, consent.Profile{Jurisdiction: new("US-CA"), Age: &consent.Age{Min: 30, Max: 30}, AccountStatus: consent.AccountActive}),
		event(2, consent.Signals{GPC: new(true)}),
	}
	for _, purpose := range []string{"analytics", "marketing_email", "third_party_disclosure", "special_category_personalization"} {
		events = append(events, event(3, consent.Consent{Purpose: purpose, Status: consent.Given, NoticeVersion: 1, Explicit: true},
			id("0b56cd9e-6b7e-4f0a-9d0f-"+purpose[:9])))
	}
	return consent.Fold(events)
}

// heapPerState decodes b n times and returns the heap bytes that each state took.
func heapPerState(t testing.TB, b []byte, n int) float64 {
	states := make([]*consent.State, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range states {
		states[i] = new(consent.State)
		if err := states[i].UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(states)
	return float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
}

func TestBytes(t *testing.T) {
	states := map[string]*consent.State{"none": {}, "four consents": fourConsents()}
	for seed := range uint64(10) {
		states["random "+string(rune('0'+seed))] = consent.Fold(storetest.NewGenerator(seed).Events(int(seed) * 3))
	}
	for name, s := range states {
		b := encode(t, s)
		var decoded consent.State
		if err := decoded.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		measured, got := heapPerState(t, b, 5000), float64(decoded.Bytes())
		if got < 0.95*measured || got > 1.1*measured {
			t.Errorf("%s: Bytes is %.0f, measured %.0f", name, got, measured)
		}
	}
}

func BenchmarkStateBytes(b *testing.B) {
	form := encode(b, fourConsents())
	var s consent.State
	for b.Loop() {
		if err := s.UnmarshalBinary(form); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ReportMetric(float64(len(form)), "encoded-B/state")
	b.ReportMetric(heapPerState(b, form, 20_000), "heap-B/state")
	b.ReportMetric(float64(s.Bytes()), "charged-B/state")
}

func BenchmarkStateEncode(b *testing.B) {
	s := fourConsents()
	var form []byte
	for b.Loop() {
		form, _ = s.AppendBinary(form[:0])
	}
	b.ReportAllocs()
}

// The forms of facts that are on disk stay as they are, and so do those of links.
func TestFactFormsStay(t *testing.T) {
	for fact, want := range map[consent.Fact]string{
		consent.Erasure{Stage: consent.ErasureCompleted}: "\x01\x02\x01\x02\x01\x00\x06\x03es",
		consent.Annulment{EventID: "a"}:                  "\x01\x03\x01\x02\x01\x00\x08\x01esa",
		consent.OptOut{Kind: consent.SaleOrSharing}:      "\x01\x02\x01\x02\x01\x00\x04\x01\x00es",
		consent.Link{With: "b", Linked: true}:            "\x01\x03\x01\x02\x01\x00\x09\x01\x01esb",
		consent.Unlink{With: "b"}:                        "\x01\x03\x01\x02\x01\x00\x0a\x01esb",
		consent.Sharing{Shared: true}:                    "\x01\x02\x01\x02\x01\x00\x0b\x01es",
	} {
		e := consent.Event{ID: "e", OccurredAt: 1, Source: "s", Fact: fact}
		if got := string(encode(t, &e)); got != want {
			t.Errorf("%#v: %q, want %q", fact, got, want)
		}
		var back consent.Event
		if err := back.UnmarshalBinary([]byte(want)); err != nil || back != e {
			t.Errorf("%q: %v, error %v", want, back, err)
		}
	}
}
