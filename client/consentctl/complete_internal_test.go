package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// complete returns what cobra's scripts would offer for a command line whose last word is being typed.
func complete(t *testing.T, address string, words ...string) []string {
	t.Helper()
	got := execute(address, "", append([]string{"__complete"}, words...)...)
	if got.code != exitOK {
		t.Fatalf("completing %q: %+v", words, got)
	}
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	return lines[:len(lines)-1] // the last is a directive
}

func TestCompletion(t *testing.T) {
	address := (&fake{}).serve(t)
	for name, test := range map[string]struct{ words, want []string }{
		"commands":             {[]string{"ch"}, []string{"check\tDecide one purpose for one subject"}},
		"controllers":          {[]string{"check", ""}, []string{"example\tExample Ltd", "jasminai\tJWS"}},
		"controllers by start": {[]string{"subject", "j"}, []string{"jasminai\tJWS"}},
		"no subjects":          {[]string{"check", "example", ""}, nil},
		"purposes": {
			[]string{"check", "example", "u", ""},
			[]string{"marketing_email\tCONSENT", "service_delivery\tCONTRACT", "sale_of_data\tprohibited"},
		},
		"purposes by address":  {[]string{"check", "example", "--email", "a@example.com", "m"}, []string{"marketing_email\tCONSENT"}},
		"no purposes there":    {[]string{"check", "jasminai", "u", ""}, nil},
		"unknown controller":   {[]string{"check", "none", "u", ""}, nil},
		"nothing follows":      {[]string{"check", "example", "u", "p", ""}, nil},
		"repeated purposes":    {[]string{"record", "objection", "example", "u", "p", "sa"}, []string{"sale_of_data\tprohibited"}},
		"status":               {[]string{"record", "consent", "example", "u", "p", "WITH"}, []string{"WITHDRAWN"}},
		"status in lower case": {[]string{"record", "consent", "example", "u", "p", "re"}, []string{"requested", "refused"}},
		"recipient kinds":      {[]string{"check", "--recipient", "A"}, []string{"AFFILIATE", "ADVERTISING_PARTNER", "AUTHORITY"}},
		"formats":              {[]string{"check", "-o", ""}, []string{"table", "json"}},
		"sources":              {[]string{"record", "erasure", "--source", "s"}, []string{"sms_stop", "support"}},
		"context":              {[]string{"check", "--context", "gp"}, []string{"gpc=true"}},
		"policy files":         {[]string{"policy", "lib"}, []string{"lib/clock/clock.rego"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := complete(t, address, test.words...)
			if diff := cmp.Diff(test.want, append([]string(nil), got...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCompletionWithoutAServerOffersNothing(t *testing.T) {
	down := (&fake{err: status.Error(codes.Internal, "down")}).serve(t)
	for _, address := range []string{down, "nowhere", "unix:///nonexistent/consentd.sock"} {
		if got := complete(t, address, "check", ""); len(got) != 0 {
			t.Errorf("%s: offered %q", address, got)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := execute("127.0.0.1:1", "", "completion", shell); got.code != exitOK || !strings.Contains(got.stdout, "consentctl") {
			t.Errorf("%s: exit code %d", shell, got.code)
		}
	}
}
