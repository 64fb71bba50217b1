package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// DiffPolicy sends progress and a result with everything in it.
func (f *fake) DiffPolicy(r *consentv1.DiffPolicyRequest, stream grpc.ServerStreamingServer[consentv1.DiffPolicyResponse]) error {
	if err := f.keep(r); err != nil {
		return err
	}
	progress := &consentv1.DiffProgress{Over: consentv1.DiffOver_DIFF_OVER_STATES, Done: 1, Total: 2}
	if err := stream.Send(
		&consentv1.DiffPolicyResponse{Message: &consentv1.DiffPolicyResponse_Progress{Progress: progress}},
	); err != nil {
		return err
	}
	return stream.Send(&consentv1.DiffPolicyResponse{Message: &consentv1.DiffPolicyResponse_Result{Result: diffResult()}})
}

func diffResult() *consentv1.DiffResult {
	deny := func(codes ...consentv1.ReasonCode) *consentv1.DiffSide {
		return &consentv1.DiffSide{
			Decision: consentv1.Decision_DECISION_DENY, Reasons: codes, LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONSENT,
		}
	}
	allow := func(basis consentv1.LegalBasis) *consentv1.DiffSide {
		return &consentv1.DiffSide{
			Decision: consentv1.Decision_DECISION_ALLOW, LegalBasis: basis, Reasons: []consentv1.ReasonCode{
				consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS,
			},
		}
	}
	const objected, missing = consentv1.ReasonCode_REASON_CODE_OBJECTED, consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING
	return &consentv1.DiffResult{
		ActivePolicyRevision: "p1", CandidatePolicyRevision: "p2", Omitted: 4,
		Totals: []*consentv1.DiffTotal{
			{Over: consentv1.DiffOver_DIFF_OVER_STATES, Subjects: 1000, Compared: 1000, NewlyAllowed: 3, Seconds: 1.25},
			{Over: consentv1.DiffOver_DIFF_OVER_SUBJECTS, Subjects: 10, Compared: 150, NewlyDenied: 2, OtherwiseChanged: 1, Seconds: 0.04},
			{Over: consentv1.DiffOver_DIFF_OVER_DECISIONS, Subjects: 1, Compared: 2, NotReproduced: 1},
		},
		Differences: []*consentv1.PolicyDifference{
			{
				Over: consentv1.DiffOver_DIFF_OVER_STATES, Controller: "example", Purpose: "marketing_email", Count: 3,
				Before: deny(objected, missing), After: allow(consentv1.LegalBasis_LEGAL_BASIS_CONSENT),
				Rules:    []*consentv1.ExplainedRule{{Title: "GDPR-21", File: "lib/gdpr/gdpr.rego", Line: 7}},
				Examples: []*consentv1.DiffExample{{Description: "lives in DE; objected"}, {Description: "lives in JP; objected"}},
			},
			{
				Over: consentv1.DiffOver_DIFF_OVER_SUBJECTS, Controller: "example", Purpose: "sale_of_data", Count: 2,
				Recipient: consentv1.RecipientKind_RECIPIENT_KIND_THIRD_PARTY,
				Before:    allow(consentv1.LegalBasis_LEGAL_BASIS_CONSENT), After: deny(missing),
				Examples: []*consentv1.DiffExample{{SubjectId: "u1"}, {SubjectId: "u2", DecidedAt: at(-1)}},
			},
			{
				Over: consentv1.DiffOver_DIFF_OVER_SUBJECTS, Controller: "example", Purpose: "storage", Count: 1,
				Before: allow(consentv1.LegalBasis_LEGAL_BASIS_CONTRACT), After: allow(consentv1.LegalBasis_LEGAL_BASIS_CONSENT),
			},
			{
				Over: consentv1.DiffOver_DIFF_OVER_SUBJECTS, Controller: "gone", Purpose: "storage", Count: 1,
				Before: deny(missing), After: &consentv1.DiffSide{Decision: consentv1.Decision_DECISION_DENY},
			},
		},
	}
}

// writeFiles makes a directory.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPolicyDiff(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	dir := writeFiles(t, map[string]string{"a.rego": "package a", "a_test.rego": "package a_test", "notes.txt": "no policy"})
	log := filepath.Join(dir, "log.jsonl")
	line := `{"time": "2026-01-02T03:04:05Z", "request": {"controller": "example", ` +
		`"subject_id": "u", "purpose": "p", "recipient": {"kind": "PROCESSOR"}}, ` +
		`"response": {"decision": "DENY", "reasons": [{"code": "OBJECTED"}]}}`
	if err := os.WriteFile(log, []byte(line+"\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := execute(address, "", "policy", "diff", dir, "--decisions", log, "--sample", "5")
	if got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	golden(t, "policy_diff", got.stdout)
	golden(t, "policy_diff_json", execute(address, "", "policy", "diff", dir, "-o", "json").stdout)

	execute(address, "", "policy", "diff", dir, "--decisions", log, "--sample", "5")
	want := &consentv1.DiffPolicyRequest{
		Files:  []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}},
		States: true, Sample: 5, Examples: 3,
		Decisions: []*consentv1.RecordedDecision{{
			Check: &consentv1.CheckRequest{
				Controller: "example", SubjectId: "u", Purpose: "p",
				Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR},
			},
			DecidedAt: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Decision: consentv1.Decision_DECISION_DENY,
			Reasons: []consentv1.ReasonCode{consentv1.ReasonCode_REASON_CODE_OBJECTED},
		}},
	}
	if sent := f.request(want); !proto.Equal(sent, want) {
		t.Errorf("request %v, want %v", sent, want)
	}
}

func TestPolicyDiffLimits(t *testing.T) {
	address := (&fake{}).serve(t)
	dir := writeFiles(
		t,
		map[string]string{
			"a.rego": "package a", "bad.jsonl": "{}", "worse.jsonl": "{\"time\": \"2026-01-01T00:00:00Z\"}\nx", "none.jsonl": "",
		},
	)
	for _, test := range []struct {
		flags string
		code  int
		shows string
	}{
		{"", exitOK, ""}, {"--max-flips 5", exitOK, ""}, {"--max-flips 4", exitDenied, "changes more than is permitted"},
		{"--max-flips 0", exitDenied, ""}, {"--no-new-allows", exitDenied, ""},
		{"--decisions " + filepath.Join(dir, "bad.jsonl"), exitError, "bad.jsonl:1: time: is required"},
		{"--decisions " + filepath.Join(dir, "worse.jsonl"), exitError, "worse.jsonl:1: request"},
		{"--decisions " + filepath.Join(dir, "none.jsonl"), exitError, "none.jsonl:1: it holds no decisions"},
		{"--decisions " + filepath.Join(dir, "absent.jsonl"), exitError, "--decisions: open"},
		{"--all --sample 3", exitError, "none of the others can be"},
	} {
		got := execute(address, "", append([]string{"policy", "diff", dir}, strings.Fields(test.flags)...)...)
		if got.code != test.code || !strings.Contains(got.stderr, test.shows) {
			t.Errorf("%s: exit code %d and %q, want %d and %q", test.flags, got.code, got.stderr, test.code, test.shows)
		}
	}
}

// TestPolicyDiffAgainstARealServer edits the shipped policies, and finds the subject and the
// decision that the edit concerns.
func TestPolicyDiffAgainstARealServer(t *testing.T) {
	now := func() consent.Instant { return consent.InstantOf(clock) }
	address := servertest.Start(t, servertest.Options{Now: now}).Addr
	log := filepath.Join(t.TempDir(), "decisions.jsonl")
	for _, line := range []string{
		"record profile example objector --jurisdiction DE --at -9d --id e1",
		"record objection example objector product_analytics --at -5d --id e2",
		"record profile example other --jurisdiction DE --at -9d --id e3",
		"check example objector product_analytics --log " + log,
		"check example other product_analytics --log " + log,
	} {
		if got := execute(address, "", strings.Fields(line)...); got.code != exitOK {
			t.Fatalf("%s: %s", line, got.stderr)
		}
	}
	dir := editedPolicies(
		t, "lib/levels/levels.rego", "\tt := marks.objected_at\n",
		"\tt := marks.objected_at\n\tinput.purpose != \"product_analytics\"\n",
	)
	got := execute(address, "", "policy", "diff", dir, "--states=false", "--all", "--decisions", log, "--no-new-allows")
	if got.code != exitDenied || strings.Count(got.stdout, "OBJECTED") != 2 ||
		!strings.Contains(got.stdout, "objector at 2026-03-01T12:00:00Z") {
		t.Errorf("got %+v", got)
	}
	same := editedPolicies(t, "lib/levels/levels.rego", "METADATA", "METADATA")
	if got = execute(address, "", "policy", "diff", same, "--states=false", "--all", "--max-flips", "0"); got.code != exitOK {
		t.Errorf("no change: got %+v", got)
	}
}

// editedPolicies writes the shipped policies with one text replaced in one file.
func editedPolicies(t *testing.T, file, old, replacement string) string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(policies.FS, path)
		if files[path] = string(content); path == file {
			if !strings.Contains(files[path], old) {
				t.Fatalf("%s does not hold %q", file, old)
			}
			files[path] = strings.ReplaceAll(files[path], old, replacement)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return writeFiles(t, files)
}
