package logrule_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/policy/logrule"
)

const text = `{"time":"2026-03-01T12:00:00Z","caller":"key:mailer","request":{"controller":"example","subject_id":"u",` +
	`"purpose":"marketing_email","context":{"ip":"192.0.2.1","n":3}},"response":{"decision":"DENY"},"latency_ns":3}`

func load(t *testing.T, rules string) (*logrule.Rules, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.rego")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return logrule.Load(file)
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		rules  string
		drop   bool
		mask   []string
		coarse bool
		err    string
	}{
		{"drop if input.request.purpose == \"marketing_email\"", true, nil, true, ""},
		{"drop if input.request.purpose == \"other\"", false, nil, true, ""},
		{"drop := input.caller == \"key:mailer\"\nmask contains \"caller\" if input.response.decision == \"DENY\"",
			true, []string{"caller"}, true, ""},
		{"mask contains \"request.context.ip\" if input.request.context.ip", false, []string{"request.context.ip"}, false, ""},
		{"mask := [\"request.subject_id\", \"caller\"]", false, []string{"caller", "request.subject_id"}, true, ""},
		{"r := input.request\nmask contains \"caller\" if r.purpose == \"marketing_email\"", false, []string{"caller"}, false, ""},
		{"drop if count(input) == 5", true, nil, false, ""},
		{"mask contains path if some k, _ in input.request.context\npath := sprintf(\"x.%s\", [\"a\"])",
			false, []string{"x.a"}, false, ""},
		{"drop := \"yes\"", false, nil, true, "drop: is of type string"},
		{"mask := {1}", false, nil, true, "mask: has an element of type number"},
		{"mask := \"caller\"", false, nil, true, "mask: is of type string"},
		{"drop := 1 / (input.latency_ns - 3) == 1", false, nil, false, "drop: "},
	} {
		r, err := load(t, "package consentd.decision_log\n\n"+test.rules+"\n")
		if err != nil {
			t.Errorf("%s: %v", test.rules, err)
			continue
		}
		drop, mask, err := r.Judge(context.Background(), []byte(text))
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: error %v, want %q", test.rules, err, test.err)
		}
		if err != nil {
			if strings.Contains(err.Error(), "192.0.2.1") {
				t.Errorf("%s: the error has a value of the line: %v", test.rules, err)
			}
			continue
		}
		if drop != test.drop || !cmp.Equal(mask, test.mask) || r.Coarse() != test.coarse {
			t.Errorf("%s: drop %v, mask %v, coarse %v", test.rules, drop, mask, r.Coarse())
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for rules, want := range map[string]string{
		"":                            "empty module",
		"package other\ndrop := true": "log.rego:1: is of data.other",
		"package consentd.decision_log\nother := true":                                          "neither drop nor mask",
		"package consentd.decision_log\ndrop if {":                                              "log.rego:2",
		"package consentd.decision_log\ndrop if http.send({\"url\": \"http://x\"}).status == 1": "http.send",
		"package consentd.decision_log\ndrop if time.now_ns() > 1":                              "time.now_ns",
	} {
		if _, err := load(t, rules); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", rules, err, want)
		}
	}
	if _, err := logrule.Load("absent.rego"); err == nil {
		t.Error("an absent file was loaded")
	}
}
