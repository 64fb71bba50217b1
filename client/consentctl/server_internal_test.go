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
		{"record restriction example user-42 accuracy_contested survey_email --at -1h", exitOK, "Applied"},
		{"record opt-out example user-42 sale_or_sharing --at -1h", exitOK, "Applied"},
		{"record signals example user-42 --gpc --at -1h", exitOK, "Applied"},
		{"record profile example user-42 --jurisdiction de --age-min 30 --account-status active --last-activity-at -1h --at -1h", exitOK, "Applied"},
		{"record profile example user-42 --jurisdiction germany", exitError, "INVALID_ARGUMENT"},
		{"subject example user-42", exitOK, "ACCURACY_CONTESTED"},
		{"record erasure example user-42 requested", exitOK, "Applied"},
		{"check example user-42 ai_training --exit-code --fully-consistent", exitDenied, "ERASURE_REQUESTED"},
		{"record consent example user-42 ai_training given --notice-version 3", exitError, "FAILED_PRECONDITION"},
		{"events example user-42", exitOK, "erasure"},
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
