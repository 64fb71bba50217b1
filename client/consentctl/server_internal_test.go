package main

import (
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// TestAgainstARealServer walks through what the README shows, with the words of the shipped policies.
func TestAgainstARealServer(t *testing.T) {
	now := func() consent.Instant { return consent.InstantOf(clock) }
	address := servertest.Start(t, servertest.Options{Now: now}).Addr
	for _, step := range []struct {
		line  string // split at spaces
		code  int
		shows string // on stdout or stderr
	}{
		{"check example user-42 ai_training --exit-code", exitDenied, "SUBJECT_UNKNOWN"},
		{"record consent example user-42 ai_training given --notice-version 3 --expires-at +365d --at -1h --id e1", exitOK, "e1"},
		{"record consent example user-42 ai_training given --notice-version 3 --at -2h --id e1", exitError, "ALREADY_EXISTS"},
		{"check example user-42 ai_training --exit-code", exitOK, "BASIS_HOLDS"},
		{"check example user-42 ai_training -o json", exitOK, `"decision": "ALLOW"`},
		{"purposes example user-42", exitOK, "ai_training"},
		{"record objection example user-42 product_analytics --at -1h", exitOK, "Applied"},
		{"record restriction example user-42 accuracy_contested marketing_sms --at -1h", exitOK, "Applied"},
		{"record opt-out example user-42 sale_or_sharing --at -1h", exitOK, "Applied"},
		{"record signals example user-42 --gpc --at -1h", exitOK, "Applied"},
		{"record profile example user-42 --jurisdiction de --age-min 30 --account-status active --last-activity-at -1h --at -1h", exitOK, "Applied"},
		{"record profile example user-42 --jurisdiction germany", exitError, "INVALID_ARGUMENT"},
		{"subject example user-42", exitOK, "ACCURACY_CONTESTED"},
		{"record consent example user-7 marketing_email given --notice-version 3 --at -2h --id g1", exitOK, "recorded: now ALLOW for marketing_email"},
		{"record consent example user-7 marketing_email withdrawn --at -3h", exitOK, "superseded by the consent of 2026-03-01T10:00:00Z (g1): still ALLOW for marketing_email"},
		{"record consent example user-7 marketing_email given --notice-version 9 --at -1h", exitOK, "Warning"},
		{"record consent example user-7 marketing_email given --notice-version 3 --at -2h --id g1", exitOK, "had been recorded before, and changed nothing now: still "},
		{"record consent example user-7 newsletters withdrawn", exitError, `no purpose "newsletters"`},
		{"record consent example user-7 marketing-email withdrawn", exitError, `no purpose "marketing-email"; did you mean marketing_email?`},
		{"record consent example user-7 marketing_emial withdrawn --undeclared", exitOK, "did you mean marketing_email?"},
		{"record consent example user-7 ai_training given --notice-version 3 --source crm_import --at -1d", exitOK, "does not count for lack of evidence, or because the id is shared: now DENY"},
		{"record consent example user-7 ai_training given --notice-version 3 --source import", exitError, "--source import needs --at"},
		{"record erasure example user-7 requested --evidence paper", exitError, "\n  --evidence: must be a URI"},
		{"record erasure example user-7 requested --source Import", exitError, "\n  --source: must be [a-z]"},
		{"record erasure example user-7 requested --at +1h", exitError, "\n  --at: is more than five minutes in the future"},
		{"record consent example user-7 ai_training refused --expires-at +1d", exitError, "\n  --expires-at: belongs to a GIVEN consent alone"},
		{"record consent example user-7 ai_training given", exitError, "\n  --notice-version: must be at least 1"},
		{"record consent example user-7 ai_training refused --recipient a,a", exitError, "\n  --recipient: "},
		{"record opt-out example user-7 sale_or_sharing --lifted", exitError, "\n  --evidence: is required to lift"},
		{"record annulment example user-7 g1", exitError, "\n  --evidence: is required to annul"},
		{"record annulment example user-7 g0 --evidence urn:ticket:1", exitError, "FAILED_PRECONDITION"},
		{"record annulment example user-7 g1 --evidence urn:ticket:1 --id a1", exitOK, "recorded"},
		{"record annulment example user-7 g1 --evidence urn:ticket:1", exitOK, "superseded by the annulment of 2026-03-01T12:00:00Z (a1)"},
		{"events example user-7", exitOK, ", annulled by a1 on 2026-03-01T12:00:00Z"},
		{"events example user-7 --limit 1", exitOK, ", annulled by a1 on 2026-03-01T12:00:00Z"},
		{"events example user-7 -o json", exitOK, `"annulled_by": "a1"`},
		{"record erasure example user-7 restarted --evidence urn:ticket:2", exitError, "FAILED_PRECONDITION"},
		{"record erasure example user-7 completed --at -1m", exitOK, "recorded"},
		{"record erasure example user-7 restarted", exitError, "\n  --evidence: is required to restart"},
		{"record erasure example user-7 restarted --evidence urn:ticket:2", exitOK, "recorded"},
		{"record erasure example user-42 requested", exitOK, "Applied"},
		{"check example user-42 ai_training --exit-code --fully-consistent", exitDenied, "ERASURE_REQUESTED"},
		{"record consent example user-42 ai_training given --notice-version 3", exitError, "FAILED_PRECONDITION"},
		{"events example user-42", exitOK, "erasure"},
		{"record objection example cookie:3f product_analytics --at -2h --id n1", exitOK, "recorded"},
		{"record profile example account:7 --jurisdiction de --at -2h", exitOK, "recorded"},
		{"check example account:7 product_analytics --exit-code", exitOK, "BASIS_HOLDS"},
		{"resolve example account:7", exitOK, "account:7  the person"},
		{"link example account:7 account:7", exitError, "\n  LINKED: is the same as subject_id"},
		{"link example account:7 cookie:", exitError, "\n  LINKED: is no cookie id"},
		{"link example account:7 cookie:3f --source Login", exitError, "\n  --source: must be [a-z]"},
		{"link example account:7 cookie:3f --at +1h", exitError, "\n  --at: is more than a minute in the future"},
		{"link example account:7 cookie:3f --at -1h --id l1 --fence", exitOK, "Ids of account:7   account:7, cookie:3f"},
		{"link example cookie:3f account:7 --at -1h --id l1", exitOK, "had been recorded before"},
		{"check example account:7 product_analytics --exit-code", exitDenied, "OBJECTED"},
		{"explain example account:7 product_analytics", exitOK, "It was said under cookie:3f on"},
		{"resolve example cookie:3f", exitOK, "account:7  the person\ncookie:3f  the person"},
		{"resolve example cookie:3f -o json", exitOK, `"subject_ids": [`},
		{"subject example cookie:3f", exitOK, "account:7, cookie:3f"},
		{"events example account:7", exitOK, "n1"},
		{"events example account:7", exitOK, "SAID UNDER"},
		{"events example account:7 -o json", exitOK, `"subject_id": "cookie:3f"`},
		{"link example account:8 cookie:3f", exitError, "FAILED_PRECONDITION"},
		{"record sharing example cookie:3f", exitOK, "recorded"},
		{"link example account:8 cookie:3f --id l2 --at -30m", exitOK, "Shared ids"},
		{"resolve example cookie:3f", exitOK, "cookie:3f  shared by several people\naccount:7  linked to it\naccount:8  linked to it"},
		{"resolve example account:8", exitOK, "account:8  the person\ncookie:3f  shared with others"},
		{"subject example cookie:3f", exitOK, "shared by several people; linked to account:7, account:8"},
		{"unlink example account:8 cookie:3f", exitError, "\n  --evidence: "},
		{"unlink example cookie:3f account:8 --evidence urn:ticket:3 --id u1", exitOK, "recorded"},
		{"unlink example account:8 cookie:3f --evidence urn:ticket:3 --id u2", exitError, "FAILED_PRECONDITION"},
		{"record sharing example cookie:3f --lifted --at -1m", exitOK, "superseded by"},
		{"record consent example cookie:3f marketing_email given --notice-version 3 --at -1m", exitOK, "because the id is shared: now DENY"},
		{"controllers", exitOK, "jasminai"},
		{"controllers example", exitOK, "ai_training"},
		{"policy", exitOK, "controllers/example/"},
		{"check nobody user-42 ai_training", exitError, "NOT_FOUND"},
		{"check example user-42 No", exitError, "\n  purpose: "},
	} {
		t.Run(step.line, func(t *testing.T) {
			got := execute(address, "", ownID(step.line)...)
			if got.code != step.code || !strings.Contains(got.stdout+got.stderr, step.shows) {
				t.Errorf("got %+v, want exit code %d and %q", got, step.code, step.shows)
			}
		})
	}
}

// ownID splits a line and gives a record without an id one of its own: the fresh id of the tests is always the same.
func ownID(line string) []string {
	words := strings.Split(line, " ")
	if words[0] == "record" && !strings.Contains(line, "--id") {
		words = append(words, "--id", line)
	}
	return words
}
