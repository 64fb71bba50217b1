package main

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// GetUsage answers with a bit of everything.
func (f *fake) GetUsage(_ context.Context, r *consentv1.GetUsageRequest) (*consentv1.GetUsageResponse, error) {
	row := func(purpose, category string) *consentv1.Usage {
		return &consentv1.Usage{
			Controller: "example", Purpose: purpose, DataCategory: category, Allowed: 40, Denied: 2, FirstDay: at(-30), LastDay: at(-1),
			Caller: &consentv1.Caller{Kind: "key", Id: "mailer"}, Declared: true,
		}
	}
	listed, formula := row("marketing_email", "user.contact.email"), row("misspelt", "user.name")
	listed.CategoryDeclared, listed.RecipientKind = true, consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR
	formula.Declared, formula.Caller = false, &consentv1.Caller{Kind: "token", Id: "=HYPERLINK(1)", Issuer: "https://id\n.example"}
	anybody := row("marketing_email", "")
	anybody.Caller = &consentv1.Caller{Kind: "anonymous"}
	return &consentv1.GetUsageResponse{
		Usages: []*consentv1.Usage{anybody, row("marketing_email", "user.name"), listed, formula}, KeptFrom: at(-60), Overflowed: 9,
		Unused: []*consentv1.UnusedPurpose{{Controller: "example", Purpose: "survey_email"}},
	}, f.keep(r)
}

func TestUsageOutput(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	for name, args := range map[string][]string{
		"usage": {"usage"}, "usage_json": {"usage", "-o", "json"}, "usage_csv": {"usage", "--csv"},
	} {
		got := execute(address, "", args...)
		if got.code != exitOK {
			t.Errorf("%s: exit code %d: %s", name, got.code, got.stderr)
		}
		golden(t, name, got.stdout)
		if name != "usage_csv" {
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll() // as many cells in each row, or an error
		if err != nil || len(rows) != 6 {
			t.Errorf("%d rows, error %v", len(rows), err)
		}
	}
	got := execute(address, "", "usage", "--controller", "example", "--from", "2026-01-05", "--until", "-1d")
	asked, _ := f.last[(&consentv1.GetUsageRequest{}).ProtoReflect().Descriptor().FullName()].(*consentv1.GetUsageRequest)
	from := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	if got.code != exitOK || asked.GetController() != "example" || !asked.GetFrom().AsTime().Equal(from) ||
		!asked.GetUntil().AsTime().Equal(clock.Add(-24*time.Hour)) {
		t.Errorf("exit code %d (%s), asked for %v", got.code, got.stderr, asked)
	}
	both := execute(address, "", "usage", "--csv", "-o", "json")
	if both.code != exitError || !strings.Contains(both.stderr, "one of them") {
		t.Errorf("two forms: %+v", both)
	}
}

// TestUsageAndAuditOfARealServer: what was asked outlives a restart, and reading is audited in one chain.
func TestUsageAndAuditOfARealServer(t *testing.T) {
	dir := t.TempDir()
	for round, allowed := range []string{"1", "2"} {
		s := servertest.Start(t, servertest.Options{DataDir: dir})
		_, err := s.Consents.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "u1", Events: []*consentv1.Event{{
				Id: "grant", OccurredAt: timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), Source: "privacy_settings",
				Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
					Purpose: "marketing_email", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 1,
				}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range [][]string{
			{"check", "example", "u1", "marketing_email", "--category", "user.contact.email"},
			{"check", "example", "nobody", "no_such_purpose"}, {"events", "example", "u1"},
		} {
			if got := execute(s.Addr, "", line...); got.code != exitOK {
				t.Fatalf("%v: %s", line, got.stderr)
			}
		}
		got := execute(s.Addr, "", "usage", "--controller", "example")
		asked, rest, _ := strings.Cut(got.stdout, "Declared and never asked about:")
		for line := range strings.Lines(asked) {
			switch cells := strings.Fields(line); {
			case len(cells) > 4 && cells[1] == "marketing_email" && (cells[2] != "anonymous" || cells[4] != allowed && cells[5] != allowed),
				len(cells) > 4 && cells[1] == "no_such_purpose" && cells[len(cells)-1] != "NOTHING":
				t.Errorf("round %d: %s", round, line)
			}
		}
		if got.code != exitOK || !strings.Contains(asked, "no_such_purpose") || strings.Contains(rest, " marketing_email") {
			t.Errorf("round %d: exit code %d, %s\n%s", round, got.code, got.stderr, got.stdout)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	audit := filepath.Join(dir, "audit", "acts.jsonl")
	got := execute("", "", "audit", "verify", audit)
	if got.code != exitOK || !strings.Contains(got.stdout, "whole") {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	text, err := os.ReadFile(audit)
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]int{"RecordEvents": 2, "ListEvents": 2, "GetUsage": 2, "Check": 0} {
		if n := strings.Count(string(text), `"method":"`+method+`"`); n != want {
			t.Errorf("%d lines of %s, want %d:\n%s", n, method, want, text)
		}
	}
	changed := strings.Replace(string(text), `"subject":"u1"`, `"subject":"u2"`, 1)
	if err := os.WriteFile(audit, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]string{"table": "acts.jsonl:2: the line before", "json": `"faults": [`} {
		got := execute("", "", "audit", "verify", audit, "-o", form)
		if got.code != exitDenied || !strings.Contains(got.stdout, want) {
			t.Errorf("after a change, as %s: exit code %d, %s%s", form, got.code, got.stdout, got.stderr)
		}
	}
	for _, args := range [][]string{{"audit", "verify"}, {"audit", "verify", filepath.Join(dir, "none")}} {
		if got := execute("", "", args...); got.code != exitError || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: %+v", args, got)
		}
	}
}
