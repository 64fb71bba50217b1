package pebble

import (
	"bytes"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
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
		at := change.Position{Revision: consent.Revision(revision), Index: index}
		key, low := at.Append(eventPrefix(a)), eventPrefix(b)
		within := bytes.Compare(key, low) >= 0 && bytes.Compare(key, successor(low)) < 0
		if within != (a == b) {
			t.Errorf("an event of %v lies among those of %v: %v", a, b, within)
		}
		if back, ok := change.ParsePosition(key[len(eventPrefix(a)):]); !ok || back != at {
			t.Errorf("position %v reads as %v", at, back)
		}
		later := change.Position{Revision: consent.Revision(revision), Index: index + 1}
		if index+1 > index && bytes.Compare(key, later.Append(eventPrefix(a))) >= 0 {
			t.Errorf("the key of %v does not sort before that of %v", at, later)
		}
		sameID := controllerA == controllerB && idA == idB
		if bytes.Equal(idKey(controllerA, idA), idKey(controllerB, idB)) != sameID {
			t.Errorf("event ids %q of %q and %q of %q share a key", idA, controllerA, idB, controllerB)
		}
		place, subject, err := change.ParsePlace(change.AppendPlace(nil, at, idA))
		if err != nil || place != at || subject != idA {
			t.Errorf("place reads as %v of %q, %v", place, subject, err)
		}
	})
}

// FuzzPageToken: whatever passes as a token of a subject is one that was given for it.
func FuzzPageToken(f *testing.F) {
	s, who := &Store{id: [16]byte{1}}, subject(1)
	f.Add(s.pageToken(who, change.Position{Revision: 1, Index: 2}))
	f.Add(s.pageToken(subject(2), change.Position{Revision: 1, Index: 2}))
	f.Add((&Store{}).pageToken(who, change.Position{Revision: 1, Index: 2}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if at, ok := s.parsePage(who, token); ok && s.pageToken(who, at) != token {
			t.Errorf("token %q reads as %v", token, at)
		}
	})
}

func TestPageTokensAreBound(t *testing.T) {
	s, at := &Store{id: [16]byte{1}}, change.Position{Revision: 3, Index: 4}
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
