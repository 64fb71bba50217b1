package cases_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
)

// Cases come with policies from elsewhere: whatever a file holds, it is read or refused
// with its name, on one line each.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"- name: x\n  controller: c\n  events: [{at: -1d, erasure: {stage: REQUESTED}}]\n" +
			"  check: {purpose: p}\n  expect: {decision: DENY}\n",
		"- &a {name: x, controller: c, expect: {decision: DENY}}\n- *a\n- <<: *a\n", "- null\n", "[]", "a: b", "- [", "---\n---\n- 1",
		"- name: {", "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		list, contents, err := cases.Find(fstest.MapFS{"c/x.cases": {Data: content}, "c/.hidden.cases": {Data: []byte("[")}})
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "c/x.cases") {
					t.Errorf("a line without the file: %q of %q", line, err)
				}
			}
			return
		}
		if len(contents) != 1 {
			t.Errorf("%d files", len(contents))
		}
		for _, c := range list {
			if c.File != "c/x.cases" || c.Line < 1 {
				t.Errorf("a case without its place: %s:%d", c.File, c.Line)
			}
			_, _ = c.Question(time.Unix(1, 0)) // must not panic
		}
	})
}

// The moments of a case are durations, dates and RFC 3339 times, with fractions too.
func TestTimes(t *testing.T) {
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"-30d":                                  start.AddDate(0, 0, -30),
		"+50s":                                  start.Add(50 * time.Second),
		`"2025-03-10"`:                          time.Date(2025, 3, 10, 0, 0, 0, 0, time.UTC),
		`"2025-03-10T12:00:00.7Z"`:              time.Date(2025, 3, 10, 12, 0, 0, 700_000_000, time.UTC),
		`"2025-03-10T12:00:00.123456789+09:00"`: time.Date(2025, 3, 10, 3, 0, 0, 123_456_789, time.UTC),
	} {
		list, err := cases.Parse("x.cases", []byte("- {name: n, controller: c, expect: {decision: DENY}, "+
			"events: [{at: "+text+", erasure: {stage: RESTARTED}}]}\n"))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := list[0].Events[0].At.From(start); !got.Equal(want) {
			t.Errorf("%s = %v, want %v", text, got, want)
		}
	}
}

// An annulment names an event of its case by its id, which no two events share.
func TestEventIDs(t *testing.T) {
	const form = "- {name: n, controller: c, check: {purpose: p}, expect: {decision: DENY}, events: [%s]}\n"
	for _, test := range []struct{ events, fault string }{
		{"{id: a, at: -2d, erasure: {stage: REQUESTED}}, {at: -1d, annulment: {event_id: a}}", ""},
		{"{id: a, at: -2d, erasure: {stage: REQUESTED}}, {id: a, at: -1d, erasure: {stage: CANCELLED}}", `events[1].id: "a"`},
		{"{at: -1d, annulment: {}}", "events[0].annulment.event_id: required"},
		{"{at: -1d, annulment: {event_id: a}, signals: {gpc: true}}", "events[0]: needs exactly one kind"},
	} {
		list, err := cases.Parse("x.cases", fmt.Appendf(nil, form, test.events))
		switch {
		case test.fault != "":
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("%s: err = %v, want %s", test.events, err, test.fault)
			}
		case err != nil:
			t.Errorf("%s: %v", test.events, err)
		default:
			events, err := cases.DomainEvents(list[0].Events, "run", time.Unix(1e9, 0))
			if err != nil || events[0].ID != "run-a" || events[1].Fact != (consent.Annulment{EventID: "run-a"}) {
				t.Errorf("%s: %+v, %v", test.events, events, err)
			}
		}
	}
}
