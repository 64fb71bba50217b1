package cases_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/consentd/consentd/server/cases"
)

// Cases come with policies from elsewhere: whatever a file holds, it is read or refused with its name, on one line each.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{
		"- name: x\n  controller: c\n  events: [{at: -1d, erasure: {stage: REQUESTED}}]\n  check: {purpose: p}\n  expect: {decision: DENY}\n",
		"- &a {name: x, controller: c, expect: {decision: DENY}}\n- *a\n- <<: *a\n", "- null\n", "[]", "a: b", "- [", "---\n---\n- 1", "- name: {", "\x00",
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
