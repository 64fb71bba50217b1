package pebble

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// FuzzKeys: no two subjects share a key, and no key of one lies among the events of another.
func FuzzKeys(f *testing.F) {
	f.Add("a", "b", "a", "bc", uint64(1), uint32(0))
	f.Add("a", "bc", "ab", "c", uint64(1<<63), uint32(1))
	f.Add("", "\x00", "\x00", "", uint64(0), uint32(0))
	f.Add(strings.Repeat("a", 127), "b", strings.Repeat("a", 128), "b", uint64(255), uint32(255))
	f.Fuzz(func(t *testing.T, controllerA, idA, controllerB, idB string, revision uint64, index uint32) {
		a, b := consent.Subject{Controller: controllerA, ID: idA}, consent.Subject{Controller: controllerB, ID: idB}
		if bytes.Equal(stateKey(a), stateKey(b)) != (a == b) {
			t.Errorf("%v and %v: keys %x and %x", a, b, stateKey(a), stateKey(b))
		}
		at := position{consent.Revision(revision), index}
		key, low := at.append(eventPrefix(a)), eventPrefix(b)
		within := bytes.Compare(key, low) >= 0 && bytes.Compare(key, successor(low)) < 0
		if within != (a == b) {
			t.Errorf("an event of %v lies among those of %v: %v", a, b, within)
		}
		if back, ok := positionOf(key[len(eventPrefix(a)):]); !ok || back != at {
			t.Errorf("position %v reads as %v", at, back)
		}
		later := position{consent.Revision(revision), index + 1}
		if index+1 > index && bytes.Compare(key, later.append(eventPrefix(a))) >= 0 {
			t.Errorf("the key of %v does not sort before that of %v", at, later)
		}
		sameID := controllerA == controllerB && idA == idB
		if bytes.Equal(idKey(controllerA, idA), idKey(controllerB, idB)) != sameID {
			t.Errorf("event ids %q of %q and %q of %q share a key", idA, controllerA, idB, controllerB)
		}
		place, subject, err := placeOf(appendPlace(nil, at, idA))
		if err != nil || place != at || subject != idA {
			t.Errorf("place reads as %v of %q, %v", place, subject, err)
		}
	})
}

// FuzzValues: values that were not written here are refused, never a panic.
func FuzzValues(f *testing.F) {
	f.Add(appendState(nil, 7, &consent.State{}))
	f.Add(appendEntry(nil, writing{at: 7}, []byte{1, 0}))
	f.Add(appendEntry(nil, writing{7, consent.Identity{Kind: "key", ID: "mailer"}}, []byte{1, 0}))
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = placeOf(b)
		_, _ = entryOf(b, 1)
		if revision, s, err := stateOf(b); err == nil {
			if again, _, err := stateOf(appendState(nil, revision, s)); err != nil || again != revision {
				t.Errorf("state of revision %d reads as %d, %v", revision, again, err)
			}
		}
	})
}

// FuzzPageToken: whatever passes as a token of a subject is one that was given for it.
func FuzzPageToken(f *testing.F) {
	s, who := &Store{id: [16]byte{1}}, subject(1)
	f.Add(s.pageToken(who, position{1, 2}))
	f.Add(s.pageToken(subject(2), position{1, 2}))
	f.Add((&Store{}).pageToken(who, position{1, 2}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if at, ok := s.parsePage(who, token); ok && s.pageToken(who, at) != token {
			t.Errorf("token %q reads as %v", token, at)
		}
	})
}

func TestPageTokensAreBound(t *testing.T) {
	s, at := &Store{id: [16]byte{1}}, position{3, 4}
	if got, ok := s.parsePage(subject(1), s.pageToken(subject(1), at)); !ok || got != at {
		t.Errorf("a token reads as %v, %v", got, ok)
	}
	for name, token := range map[string]string{
		"another subject's": s.pageToken(subject(2), at),
		"another store's":   (&Store{id: [16]byte{2}}).pageToken(subject(1), at),
	} {
		if _, ok := s.parsePage(subject(1), token); ok {
			t.Errorf("%s token passes", name)
		}
	}
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
		got, err := entryOf(appendEntry(nil, writing{at: 7, by: by}, form), 3)
		if want := (consent.Entry{Event: event, RecordedAt: 7, Revision: 3, By: by}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, cmp.Diff(want, got))
		}
	}
	old := append(binary.AppendVarint(nil, 7), form...) // as formats 1 to 3 wrote it
	if got, err := entryOf(old, 3); err != nil || !got.By.IsZero() || got.Event.ID != "e1" {
		t.Errorf("an entry of an older format: %+v, error %v", got, err)
	}
	for name, broken := range map[string][]byte{
		"an empty name": {14, recordedBy, 0, 0, 0}, "no name": {14, recordedBy}, "a name that ends early": {14, recordedBy, 3, 'k'},
	} {
		if got, err := entryOf(append(broken, form...)[:min(len(broken)+len(form), 40)], 3); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
