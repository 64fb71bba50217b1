package fake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/consentd/consentd/client/fake"
)

// faulty are rules and what is wrong with them.
var faulty = [][2]string{
	{"{subject: u}", "want either decision"},
	{"{decision: RECORDED, reasons: [OBJECTED]}", "decision: RECORDED has reasons"},
	{"{decision: RECORDED, valid_for: 1h}", "decision: RECORDED has reasons"},
	{"{decision: ALLOW, error: INTERNAL}", "want either decision"},
	{"{decision: MAYBE}", `decision: "MAYBE"`},
	{"{decision: UNSPECIFIED}", `decision: "UNSPECIFIED"`},
	{"{error: OK}", `error: "OK" is never`},
	{"{error: DATA_LOSS}", `error: "DATA_LOSS" is never a server's answer here: want one of CANCELLED,`},
	{"{error: INTERNAL, reasons: [OBJECTED]}", "error: has no part of a decision"},
	{"{decision: DENY, decision: ALLOW}", `field "decision" is there twice`},
	{"{decision: DENY, reasons: [X]}", `reasons: "X"`},
	{"{decision: ALLOW, reasons: [CONSENT_WITHDRAWN]}", "no server answers so: ALLOW because of CONSENT_WITHDRAWN"},
	{"{decision: DENY, reasons: [BASIS_HOLDS]}", "no server answers so: DENY because of BASIS_HOLDS"},
	{"{decision: DENY, legal_basis: X}", `legal_basis: "X"`},
	{"{decision: ALLOW, obligations: [X]}", `obligations: "X"`},
	{"{decision: ALLOW, obligations: [{code: X, args: {}}]}", `unknown field "args"`},
	{"{decision: ALLOW, obligations: [EXCLUDE_DATA_CATEGORIES]}", "no server answers so: obligation"},
	{
		"{decision: ALLOW, obligations: [{code: RECORD_SIGNAL, parameters: {a: 1}}]}",
		"obligations: RECORD_SIGNAL has no parameter a",
	},
	{"{decision: ALLOW, valid_until: soon}", "valid_until"},
	{"{decision: ALLOW, valid_for: soon}", "valid_for"},
	{"{decision: DENY, degraded: OLD}", `degraded: "OLD" is none of DENIED and STALE`},
	{"{decision: ALLOW, degraded: DENIED}", "no server answers so: ALLOW"},
	{"{decision: DENY, degraded: DENIED, reasons: [OBJECTED]}", "no server answers so: OBJECTED of a decision that is degraded"},
	{"{decision: DENY, reasons: [STATE_UNAVAILABLE]}", "no server answers so: STATE_UNAVAILABLE of a decision"},
	{"{decision: DENY, degraded: STALE, reasons: [STATE_UNAVAILABLE]}", "no server answers so"},
	{"{decision: RECORDED, degraded: STALE}", "degraded: what was recorded is known"},
	{"{decision: ALLOW, state_age: 5s}", "state_age: only degraded: STALE has one"},
	{"{decision: ALLOW, degraded: STALE, state_age: old}", "state_age"},
	{"{error: INTERNAL, degraded: STALE}", "error: has no part of a decision"},
	{"{call: record, error: INTERNAL, degraded: STALE}", "call: record has"},
	{"{decision: ALLOW, delay: -1s}", "delay"},
	{"{decision: ALLOW, times: -1}", "times"},
	{"{decision: ALLOW, purpose: Ads}", `purpose: "Ads"`},
	{"{decision: ALLOW, recipient_kind: FRIEND}", `recipient_kind: "FRIEND"`},
	{"{decision: ALLOW, context: {a: 2026-01-01}}", "context"},
	{"{call: erase, decision: ALLOW}", `call: "erase"`},
	{"{call: record, decision: ALLOW}", "call: record has"},
	{"{call: record}", "call: record: want error or delay"},
}

// faultyFiles are whole files and what is wrong with them.
var faultyFiles = [][2]string{
	{"rules:\n  - {decision: DENY,\n     reason: [X]}", `r.yaml:3: unknown field "reason"`},
	{"rules:\n  - {decision: ALLOW,\n     times: often}", "r.yaml:3: cannot unmarshal"},
	{
		"controllers: [a]\nrules:\n  - {controller: b, decision: DENY}",
		`r.yaml:3: controller: "b" is not among controllers`,
	},
	{
		"controllers: {a: [x]}\nrules:\n  - {controller: a, purpose: y, decision: DENY}",
		`r.yaml:3: purpose: "y" is not among`,
	},
	{"controllers: [a, a]", `r.yaml:1: controllers: "a" is there twice`},
	{"controllers: {a: [X]}", `r.yaml:1: purpose: "X"`},
	{"controllers: a", "r.yaml:1: controllers: want a list"},
	{"controllers: [{a: b}]", "r.yaml:1: controllers: want the id"},
	{"rule: []", `r.yaml:1: unknown field "rule"`},
	{"rules: {}", "r.yaml:1: rules: want a list"},
	{"rules:\n  - 3", "r.yaml:2: want a mapping"},
	{"[]", "r.yaml:1: want a mapping"},
	{"a: b: c", "r.yaml:1: mapping values"},
	{"rules: []\n---\n", "r.yaml:1: more than one document"},
	{"rules:\n - {decision: X}\n - {decision: Y}", "r.yaml:3: decision: \"Y\""},
}

func TestFaultsInRulesHaveTheirPlace(t *testing.T) {
	rows := faultyFiles
	for _, row := range faulty {
		rows = append(rows, [2]string{"rules:\n  - " + row[0], "r.yaml:2: " + row[1]})
	}
	for _, row := range rows {
		f, err := fake.Start(fake.Config{Name: "r.yaml", Rules: row[0]})
		if err == nil {
			_ = f.Close()
		}
		if !strings.Contains(fmt.Sprint(err), row[1]) {
			t.Errorf("%q: %v, want %q in it", row[0], err, row[1])
		}
	}
}
