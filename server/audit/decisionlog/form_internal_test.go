package decisionlog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// ruled are rules of a test, which count how often they are asked.
type ruled struct {
	coarse bool
	judge  func(line.Line) (bool, []string, error)
	asked  int
}

func (r *ruled) Coarse() bool { return r.coarse }

func (r *ruled) Judge(_ context.Context, text []byte) (bool, []string, error) {
	r.asked++
	l, err := line.Parse(text)
	if err != nil {
		return false, nil, err
	}
	return r.judge(l)
}

// through sends decisions through a log with rules, and returns its lines.
func through(t *testing.T, c Config, rules Rules, n int, change func(int, *consent.Request)) ([]line.Line, Stats) {
	t.Helper()
	if rules != nil {
		c.Rules, c.NewRules = "rules", func(string) (Rules, error) { return rules, nil }
	}
	l, g := gated(t, c)
	for i := range n {
		d := decided(i)
		change(i, d.Request)
		if err := l.Recorded(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return g.lines(t), l.Stats()
}

func TestRulesLeaveLinesOut(t *testing.T) {
	r := &ruled{coarse: true, judge: func(l line.Line) (bool, []string, error) {
		return l.Request.Purpose == "analytics", []string{"caller", "latency_ns"}, nil
	}}
	got, s := through(t, Config{}, r, 100, func(i int, q *consent.Request) {
		if i%4 == 0 {
			q.Purpose = "analytics"
		}
	})
	if len(got) != 75 || s.Excluded != 25 || r.asked != 2 {
		t.Errorf("%d lines, %+v, asked %d times, want once for each purpose", len(got), s, r.asked)
	}
	if l := got[0]; l.Caller != "" || l.Latency != 0 || !cmp.Equal(l.Masked, []string{"caller", "latency_ns"}) {
		t.Errorf("%+v", l)
	}
}

func TestFieldsAreTakenOff(t *testing.T) {
	context := map[string]any{"ip": "192.0.2.1", "device": map[string]any{"id": "d", "os": "x"}, "n": 1.0}
	for _, test := range []struct {
		mask    []string
		context string
		masked  []string
		check   func(line.Line) bool
	}{
		{[]string{"request.context.ip", "request.context.absent", "request.context.n.x"}, `{"device":{"id":"d","os":"x"},"n":1}`,
			[]string{"request.context.ip"}, nil},
		{[]string{"request.context.device.id"}, `{"device":{"os":"x"},"ip":"192.0.2.1","n":1}`,
			[]string{"request.context.device.id"}, nil},
		{[]string{"request.context"}, ``, []string{"request.context"}, nil},
		{[]string{"request.subject_id"}, `all`, []string{"request.subject_id"},
			func(l line.Line) bool { return l.Request.Subject.ID == "" }},
		{[]string{"request.data_categories", "response.permitted_data_categories", "response.obligations", "response.reasons"}, `all`,
			[]string{"request.data_categories", "response.permitted_data_categories", "response.obligations", "response.reasons"},
			func(l line.Line) bool { return len(l.Request.DataCategories)+len(l.Decision.Reasons) == 0 }},
		{[]string{"request.recipient.id", "request.recipient.country"}, `all`,
			[]string{"request.recipient.id", "request.recipient.country"},
			func(l line.Line) bool { return l.Request.Recipient == consent.Recipient{Kind: 1} }},
		{[]string{"request.recipient"}, `all`, []string{"request.recipient"},
			func(l line.Line) bool { return l.Request.Recipient == consent.Recipient{} }},
		// A path that is none may be a field that must not be written: what says most goes.
		{[]string{"request.contxt.ip"}, ``, []string{"request.subject_id", "request.context"},
			func(l line.Line) bool { return l.Request.Subject.ID == "" }},
	} {
		r := &ruled{judge: func(line.Line) (bool, []string, error) { return false, test.mask, nil }}
		got, _ := through(t, Config{}, r, 1, func(_ int, q *consent.Request) {
			q.Context, q.Recipient = context, consent.Recipient{Kind: 1, ID: "acme", Country: "US"}
		})
		want := test.context
		if want == "all" {
			want = `{"device":{"id":"d","os":"x"},"ip":"192.0.2.1","n":1}`
		}
		if l := got[0]; string(l.Context) != want || !cmp.Equal(l.Masked, test.masked) || test.check != nil && !test.check(l) {
			t.Errorf("%v: %+v, context %s", test.mask, l, l.Context)
		}
	}
}

func TestRulesThatFailHideThePerson(t *testing.T) {
	r := &ruled{coarse: true, judge: func(line.Line) (bool, []string, error) { return true, nil, errors.New("divide by zero") }}
	got, s := through(t, Config{}, r, 3, func(_ int, q *consent.Request) { q.Context = map[string]any{"ip": "192.0.2.1"} })
	if len(got) != 3 || s.RuleErrors != 3 || s.Excluded != 0 {
		t.Fatalf("%d lines, %+v", len(got), s)
	}
	if l := got[0]; l.Request.Subject.ID != "" || l.Context != nil || len(l.Masked) != 2 {
		t.Errorf("%+v", l)
	}
}

func writeKeys(t *testing.T, name, content string, at time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(name, []byte(content), 0o600), os.Chtimes(name, at, at)); err != nil {
		t.Fatal(err)
	}
}

// TestSubjectsAreNamedUnderAKey that is followed as it changes; a file that cannot be used never makes ids plain.
func TestSubjectsAreNamedUnderAKey(t *testing.T) {
	const first, second = "k1 000102030405060708090a0b0c0d0e0f\n", "k2 ffeeddccbbaa99887766554433221100\n"
	file, now := filepath.Join(t.TempDir(), "keys"), time.Now()
	writeKeys(t, file, first, now)
	r := &ruled{judge: func(l line.Line) (bool, []string, error) {
		if l.SubjectKey == "" || strings.HasPrefix(l.Request.Subject.ID, "u") {
			t.Errorf("rules see the subject %s", l.Request.Subject.ID)
		}
		return false, nil, nil
	}}
	l, g := gated(t, Config{SubjectKey: file, Rules: "r", NewRules: func(string) (Rules, error) { return r, nil }})
	lines := 0
	next := func() line.Line {
		t.Helper()
		lines++
		if err := l.Recorded(t.Context(), decided(7)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the line is there", func() bool { return len(g.lines(t)) == lines })
		return g.lines(t)[lines-1]
	}
	keys, err := line.ReadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	subject := decided(7).Request.Subject
	if got := next(); got.SubjectKey != "k1" || got.Request.Subject.ID != string(keys.Of("k1").Name(subject)) {
		t.Errorf("%+v", got)
	}
	writeKeys(t, file, "nonsense", now.Add(time.Second))
	if got := next(); got.SubjectKey != "k1" {
		t.Errorf("by a file that cannot be used: %+v", got)
	}
	writeKeys(t, file, second+first, now.Add(2*time.Second))
	eventually(t, "the new key is used", func() bool { return next().SubjectKey == "k2" })
}
