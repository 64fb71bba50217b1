package change

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
)

// TestRowsRoundTrip also reads rows that are cut off or malformed: an error, and no panic.
func TestRowsRoundTrip(t *testing.T) {
	person := &consent.Person{IDs: []string{"a", "b\x00"}, Shared: []string{"c"}}
	state := consent.Fold([]consent.Event{{ID: "e", OccurredAt: 5, Fact: consent.Objection{}}})
	for _, want := range []Row{
		{Changed: 9, State: state}, {Changed: 9, State: state, Person: person},
		{Changed: 9, State: state, Person: &consent.Person{Shared: []string{"c"}}},
	} {
		form := want.Append(nil)
		got, err := ParseRow(form, true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-written +read:\n%s", diff)
		}
		for n := range form {
			if _, err := ParseRow(form[:n:n], true); err == nil {
				t.Errorf("the first %d of %d bytes are read", n, len(form))
			}
		}
	}
	for _, alias := range [][]byte{{0, rowAlias}, {0, 9}, (&Row{}).Append(nil)} {
		if _, err := ParseRow(alias, false); err == nil {
			t.Errorf("alias %v is read", alias)
		}
	}
}

// FuzzValues: values that were not written here are refused, never a panic.
func FuzzValues(f *testing.F) {
	f.Add(appendState(nil, 7, &consent.State{}))
	f.Add(appendEntry(nil, 7, consent.Identity{}, []byte{1, 0}))
	f.Add(appendEntry(nil, 7, consent.Identity{Kind: "key", ID: "mailer"}, []byte{1, 0}))
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = ParsePlace(b)
		_, _ = ParseEntry(b, 1)
		if revision, s, err := stateOf(b); err == nil {
			if again, _, err := stateOf(appendState(nil, revision, s)); err != nil || again != revision {
				t.Errorf("state of revision %d reads as %d, %v", revision, again, err)
			}
		}
	})
}

// TestEntriesNameWhoRecordedThem, and those of older formats nobody.
func TestEntriesNameWhoRecordedThem(t *testing.T) {
	event := consent.Event{ID: "e1", OccurredAt: 5, Source: "support", Fact: consent.Objection{}}
	form, err := event.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, by := range map[string]consent.Identity{
		"nobody": {}, "a key": {Kind: "key", ID: "mailer"}, "a token": {Kind: "token", ID: "7", Issuer: "https://id.example"},
	} {
		got, err := ParseEntry(appendEntry(nil, 7, by, form), 3)
		if want := (consent.Entry{Event: event, RecordedAt: 7, Revision: 3, By: by}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, cmp.Diff(want, got))
		}
	}
	old := append(binary.AppendVarint(nil, 7), form...) // as formats 1 to 3 wrote it
	if got, err := ParseEntry(old, 3); err != nil || !got.By.IsZero() || got.Event.ID != "e1" {
		t.Errorf("an entry of an older format: %+v, error %v", got, err)
	}
	for name, broken := range map[string][]byte{
		"an empty name": {14, recordedBy, 0, 0, 0}, "no name": {14, recordedBy}, "a name that ends early": {14, recordedBy, 3, 'k'},
	} {
		if got, err := ParseEntry(append(broken, form...)[:min(len(broken)+len(form), 40)], 3); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
