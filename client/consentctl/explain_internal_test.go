package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// What changes with every edit of a policy.
var (
	revisions = regexp.MustCompile(`[0-9a-f]{32}`)
	lines     = regexp.MustCompile(`\.rego:\d+`)
)

// explained are ten decisions of different kinds: what is recorded first, and how the question is put.
var explained = map[string]struct {
	records []string // record, then these words; each at --at and with an id of its own
	ask     string
}{
	"withdrawn": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"consent example u marketing_email given --notice-version 3 --at -40d",
		"consent example u marketing_email withdrawn --at -2d",
	}, "example u marketing_email"},
	"expires": {[]string{
		"profile example u --jurisdiction FR --at -50d",
		"consent example u ai_training given --notice-version 3 --expires-at +300d --at -40d",
	}, "example u ai_training"},
	"restricted_and_objected": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"restriction example u accuracy_contested --at -20d",
		"restriction example u unlawful_processing product_analytics --at -10d",
		"objection example u product_analytics --at -5d",
	}, "example u product_analytics"},
	"gpc_in_california": {[]string{
		"profile example u --jurisdiction US-CA --age-min 30 --at -50d",
		"consent example u affiliate_sharing given --notice-version 3 --at -40d",
		"signals example u --gpc --at -30d",
	}, "example u affiliate_sharing --recipient affiliate --recipient-id ads-1"},
	"special_category": {[]string{
		"profile jasminai u --jurisdiction DE --age-min 19 --last-activity-at -10d --at -10d",
	}, "jasminai u service_delivery --category user.sensitive.taste,user.name"},
	"child": {[]string{
		"profile example u --jurisdiction DE --age-min 14 --age-max 14 --at -100d",
		"consent example u content_personalization given --notice-version 3 --at -40d",
	}, "example u content_personalization"},
	"erasure": {[]string{
		"profile example u --jurisdiction JP --at -50d",
		"consent example u marketing_sms given --notice-version 3 --at -40d",
		"erasure example u requested --at -1d",
	}, "example u marketing_sms"},
	"erased": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"consent example u marketing_email given --notice-version 3 --at -40d",
		"erasure example u requested --at -10d",
		"erasure example u completed --at -5d",
	}, "example u marketing_email"},
	"restarted": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"consent example u marketing_email given --notice-version 3 --at -40d",
		"erasure example u completed --at -5d",
		"erasure example u restarted --evidence urn:ticket:7 --at -2d",
		"profile example u --jurisdiction DE --at -1d",
	}, "example u marketing_email"},
	"lifted_for_one": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"objection example u --at -20d",
		"objection example u product_analytics --lifted --at -5d",
	}, "example u product_analytics"},
	"objected_to_all": {[]string{
		"profile example u --jurisdiction DE --at -50d",
		"objection example u product_analytics --lifted --at -20d",
		"objection example u --at -5d",
	}, "example u product_analytics"},
	"gpc_and_another_browser": {[]string{
		"profile example u --jurisdiction US-CA --age-min 30 --at -50d",
		"consent example u affiliate_sharing given --notice-version 3 --at -40d",
		"signals example u --gpc --at -30d",
		"signals example u --gpc=false --at -20d",
	}, "example u affiliate_sharing --recipient affiliate --recipient-id ads-1"},
	"transfer_from_japan": {[]string{
		"profile example u --jurisdiction JP --at -50d",
	}, "example u service_delivery --recipient processor --recipient-id cloud-1 --recipient-country US"},
	"prohibited": {[]string{
		"profile jasminai u --jurisdiction US-CA --at -50d",
	}, "jasminai u sale_of_data --recipient third_party"},
	"dormant": {[]string{
		"profile jasminai u --jurisdiction LU --last-activity-at -360d --at -360d",
	}, "jasminai u product_analytics"},
	"pending": {[]string{
		"profile example u --jurisdiction AT --at -50d",
		"consent example u marketing_email refused --at -30d",
		"consent example u marketing_email requested --at -1d",
	}, "example u marketing_email"},
}

// TestExplain compares the stories of ten decisions, as a real server tells them, with those
// that were read and found good.
func TestExplain(t *testing.T) {
	address := servertest.Start(t, servertest.Options{Now: func() consent.Instant { return consent.InstantOf(clock) }}).Addr
	for name, test := range explained {
		t.Run(name, func(t *testing.T) {
			ask := recordAll(t, address, name, test.records, test.ask)
			got := execute(address, "", append([]string{"explain"}, ask...)...)
			if got.code != exitOK {
				t.Fatalf("exit code %d: %s", got.code, got.stderr)
			}
			golden(t, "explain_"+name, lines.ReplaceAllString(revisions.ReplaceAllString(got.stdout, "REVISION"), ".rego:LINE"))
			got = execute(address, "", append([]string{"explain", "--trace", "-o", "json"}, ask...)...)
			if got.code != exitOK || !json.Valid([]byte(got.stdout)) || !strings.Contains(got.stdout, "Enter data.consentd") {
				t.Errorf("exit code %d, want JSON with a trace: %.300s %s", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// recordAll records events for a subject of the test's own, and returns the words of the question about it.
func recordAll(t *testing.T, address, subject string, records []string, ask string) []string {
	t.Helper()
	of := func(line string) []string {
		words := strings.Fields(line)
		for i, w := range words {
			if w == "u" {
				words[i] = subject
			}
		}
		return words
	}
	for i, line := range records {
		words := append(append([]string{"record"}, of(line)...), "--id", subject+"-"+string(rune('1'+i)))
		if got := execute(address, "", words...); got.code != exitOK {
			t.Fatalf("recording %s: %s", line, got.stderr)
		}
	}
	return of(ask)
}

func TestTimesNameWhoRecorded(t *testing.T) {
	entry := func(recorded int, by *consentv1.Caller) *consentv1.LedgerEntry {
		return &consentv1.LedgerEntry{Event: &consentv1.Event{OccurredAt: at(-3)}, RecordedAt: at(recorded), RecordedBy: by}
	}
	mailer := &consentv1.Caller{Kind: "key", Id: "mailer"}
	for want, e := range map[string]*consentv1.LedgerEntry{
		"occurred 26 February 2026, 12:00 UTC":                                                     entry(-3, nil),
		"occurred 26 February 2026, 12:00 UTC, recorded by key:mailer":                             entry(-3, mailer),
		"occurred 26 February 2026, 12:00 UTC, recorded 27 February 2026, 12:00 UTC":               entry(-2, nil),
		"occurred 26 February 2026, 12:00 UTC, recorded 27 February 2026, 12:00 UTC by key:mailer": entry(-2, mailer),
	} {
		if got := times(e); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
