package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestOutput(t *testing.T) {
	address := (&fake{}).serve(t)
	const batch = `[{"controller":"example","subject_id":"u1","purpose":"allowed"},
		{"controller":"example","subject_id":"u2","purpose":"denied"},
		{"controller":"example","subject_id":"u\n3","purpose":"BAD"}]`
	for name, test := range map[string]struct {
		args  []string
		stdin string
		code  int
	}{
		"check_allow":    {args: []string{"check", "example", "u", "allowed"}},
		"check_deny":     {args: []string{"check", "example", "u", "denied"}},
		"check_stale":    {args: []string{"check", "example", "u", "stale"}},
		"check_away":     {args: []string{"check", "example", "u", "away"}},
		"batch":          {args: []string{"batch"}, stdin: batch, code: exitError},
		"purposes":       {args: []string{"purposes", "example", "u"}},
		"subject":        {args: []string{"subject", "example", "u"}},
		"subject_nobody": {args: []string{"subject", "example", "nobody"}},
		"events":         {args: []string{"events", "example", "u"}},
		"events_linked":  {args: []string{"events", "example", "cookie:3f"}},
		"link":           {args: []string{"link", "example", "account:7", "cookie:3f"}},
		"unlink":         {args: []string{"unlink", "example", "account:7", "cookie:3f", "--evidence", "urn:ticket:1"}},
		"resolve":        {args: []string{"resolve", "example", "cookie:3f"}},
		"subject_linked": {args: []string{"subject", "example", "cookie:3f"}},
		"events_limit":   {args: []string{"events", "example", "u", "--limit", "1"}},
		"controllers":    {args: []string{"controllers"}},
		"controller":     {args: []string{"controllers", "example"}},
		"policy":         {args: []string{"policy"}},
		"policy_file":    {args: []string{"policy", "controllers/example/rules.rego"}},
		"record":         {args: []string{"record", "erasure", "example", "u", "requested"}},
		"record_denied":  {args: []string{"record", "consent", "example", "u", "marketing_email", "withdrawn"}},
		"record_late":    {args: []string{"record", "consent", "example", "u", "allowed", "withdrawn", "--undeclared", "--id", "late"}},
		"record_several": {args: []string{"record", "objection", "example", "u", "marketing_email", "allowed", "BAD", "--undeclared"}},
		"record_notice":  {args: []string{"record", "consent", "example", "u", "marketing_email", "given", "--id", "notice"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := execute(address, test.stdin, test.args...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d: %s", got.code, test.code, got.stderr)
			}
			golden(t, name, got.stdout)
		})
		t.Run(name+"_json", func(t *testing.T) {
			got := execute(address, test.stdin, append(test.args, "-o", "json")...)
			if got.code != test.code || !json.Valid([]byte(got.stdout)) {
				t.Errorf("exit code %d, want %d and JSON: %s", got.code, test.code, got.stderr)
			}
			golden(t, name+"_json", got.stdout)
		})
	}
}

// TestEachOutputIsChosen: a choice that a command does not know must not silently give tables.
func TestEachOutputIsChosen(t *testing.T) {
	table := func(w io.Writer) { fmt.Fprint(w, "rows") }
	for _, test := range []struct{ choice, want string }{{"table", "rows"}, {"json", "7\n"}, {"csv", ""}, {"", ""}} {
		var out strings.Builder
		a := &app{stdout: &out, output: choiceFlag{value: test.choice}}
		err := a.printValue(7, table)
		if out.String() != test.want || (err == nil) != (test.want != "") {
			t.Errorf("-o %q wrote %q, error %v, want %q", test.choice, &out, err, test.want)
		}
	}
}

// What others chose must not steer the terminal.
func TestTablesHoldNoControlCharacters(t *testing.T) {
	got := execute((&fake{}).serve(t), "", "subject", "example", "u")
	if strings.Contains(got.stdout, "\x1b") || !strings.Contains(got.stdout, `lab\x1b[31m`) {
		t.Errorf("stdout %q", got.stdout)
	}
}

// full is a device without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAllowThatCannotBeWrittenIsAnError(t *testing.T) {
	var stderr strings.Builder
	a := &app{stdin: strings.NewReader(""), stdout: full{}, stderr: &stderr, address: (&fake{}).serve(t)}
	code := a.run(t.Context(), []string{"check", "example", "u", "allowed", "--exit-code"})
	if code != exitError || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
