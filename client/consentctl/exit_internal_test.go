package main

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestCheckExitCodes(t *testing.T) {
	good, bad := (&fake{}).serve(t), (&fake{err: status.Error(codes.Internal, "internal error")}).serve(t)
	for name, test := range map[string]struct {
		address string
		args    []string
		want    int
	}{
		"allow":                  {good, []string{"check", "example", "u", "allowed", "--exit-code"}, exitOK},
		"deny":                   {good, []string{"check", "example", "u", "denied", "--exit-code"}, exitDenied},
		"deny without the flag":  {good, []string{"check", "example", "u", "denied"}, exitOK},
		"unspecified decision":   {good, []string{"check", "example", "u", "unspecified", "--exit-code"}, exitDenied},
		"error":                  {bad, []string{"check", "example", "u", "allowed", "--exit-code"}, exitError},
		"error without the flag": {bad, []string{"check", "example", "u", "allowed"}, exitError},
		"usage":                  {good, []string{"check", "example", "u", "--exit-code"}, exitError},
		"no server": {
			"unix:///nonexistent/consentd.sock", []string{"check", "example", "u", "allowed", "--exit-code"}, exitError,
		},
		"help":                       {good, []string{"check", "--help"}, exitOK},
		"version":                    {good, []string{"--version"}, exitOK},
		"nothing shows the help":     {good, nil, exitOK},
		"record shows the help":      {good, []string{"record"}, exitOK},
		"batch without failures":     {good, []string{"batch"}, exitOK},
		"unknown file of the policy": {good, []string{"policy", "none.rego"}, exitError},
		"unknown controller":         {good, []string{"controllers", "none"}, exitError},
	} {
		t.Run(name, func(t *testing.T) {
			got := execute(test.address, `{"controller":"example","subject_id":"u","purpose":"denied"}`, test.args...)
			if got.code != test.want {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q", got.code, test.want, got.stdout, got.stderr)
			}
			if (got.stderr != "") != (test.want == exitError) {
				t.Errorf("stderr %q with exit code %d", got.stderr, got.code)
			}
		})
	}
}

func TestServerErrorsAreShownWhole(t *testing.T) {
	s, err := status.New(codes.InvalidArgument, "the request is malformed").WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "subject_id", Description: "must be at least 1 byte"}, {Field: "purpose", Description: "must match\nthe pattern"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := execute((&fake{err: s.Err()}).serve(t), "", "purposes", "example", "")
	want := `consentctl: INVALID_ARGUMENT: the request is malformed
  subject_id: must be at least 1 byte
  purpose: must match\nthe pattern
`
	if got.code != exitError || got.stderr != want || got.stdout != "" {
		t.Errorf("got %+v, want stderr %q", got, want)
	}
}

func TestRecordSaysHowToRepeat(t *testing.T) {
	args := []string{"record", "erasure", "example", "u", "requested"}
	got := execute((&fake{err: status.Error(codes.Unavailable, "the store is down")}).serve(t), "", args...)
	if !strings.Contains(got.stderr, `--id "fresh-id" --at 2026-03-01T12:00:00Z`) {
		t.Errorf("stderr %q, want the id and time", got.stderr)
	}
	got = execute((&fake{err: status.Error(codes.FailedPrecondition, "an erasure stands")}).serve(t), "", args...)
	if got.stderr != "consentctl: FAILED_PRECONDITION: an erasure stands\n" {
		t.Errorf("stderr %q, want the error alone", got.stderr)
	}
}

// The bounds are far from each other, so that they hold on a machine of any speed.
func TestTimeoutIsTheServersDeadline(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	for flag, atMost := range map[string]time.Duration{"--timeout=1h": time.Hour, "--timeout=6m": 6 * time.Minute} {
		if got := execute(address, "", "check", "example", "u", "p", flag); got.code != exitOK {
			t.Fatalf("got %+v", got)
		}
		f.mu.Lock()
		left := time.Until(f.deadline)
		f.mu.Unlock()
		if left > atMost || left < atMost/2 {
			t.Errorf("%s: the server has %v", flag, left)
		}
	}
}

// Each wrong command line gets one line that names what is wrong.
func TestUsageErrors(t *testing.T) {
	check := func(flags ...string) []string { return append([]string{"check", "example", "u", "p"}, flags...) }
	record := func(args ...string) []string { return append([]string{"record"}, args...) }
	for _, test := range []struct {
		args  []string
		names string
	}{
		{[]string{"chek"}, `"chek"`},
		{[]string{"check", "example"}, "missing argument SUBJECT"},
		{check("x", "y"), "too many arguments: x y"},
		{check("--colour"), "--colour"},
		{check("-o", "yaml"), "want table or json"},
		{check("--timeout", "soon"), "--timeout"},
		{check("--timeout", "0s"), "--timeout"},
		{check("--addr", "nowhere"), "--addr"},
		{check("--addr", ""), "--addr"},
		{check("--tls-ca", "testdata/none.pem"), "--tls-ca"},
		{check("--tls-ca", "testdata/policy.golden"), "no certificate"},
		{check("--insecure", "--tls-ca", "x"), "tls-ca"},
		{check("--recipient", "FRIEND"), "want PROCESSOR, AFFILIATE"},
		{check("--recipient", ""), "want PROCESSOR"},
		{check("--recipient", "unspecified"), "want PROCESSOR"},
		{check("--recipient-id", "shop"), "--recipient"},
		{check("--token", ""), "--token is empty"},
		{check("--token", "t", "--fully-consistent"), "fully-consistent"},
		{check("--context", "gpc"), "key=value"},
		{check("--context", "=1"), "key=value"},
		{check("--context", "{"), "not a JSON object"},
		{check("--context", `{"a":1} x`), "not a JSON object"},
		{check("--context", "a=[1"), "not JSON"},
		{check("--context", `a="x`), "not JSON"},
		{check("--context", "gpc=true", "--context", `{"gpc":false}`), `"gpc" is given twice`},
		{check("--context", "a=\xff"), "UTF-8"},
		{record("consnt"), `"consnt"`},
		{record("consent", "example", "u", "p"), "missing argument STATUS"},
		{record("consent", "example", "u", "p", "expired"), "want REQUESTED, GIVEN"},
		{record("consent", "example", "u", "p", "given", "--given-by", "me"), "want SUBJECT"},
		{record("consent", "example", "u", "p", "given", "--notice-version", "-1"), "--notice-version"},
		{record("consent", "example", "u", "p", "given", "--expires-at", "30d"), "say -30d or +30d"},
		{record("consent", "example", "u", "p", "given", "--expires-at", "tomorrow"), "RFC 3339"},
		{record("erasure", "example", "u", "done"), "for STAGE"},
		{record("opt-out", "example", "u", "all"), "for KIND"},
		{record("restriction", "example", "u", "why"), "for GROUND"},
		{record("erasure", "example", "u", "requested", "--id", ""), "--id is empty"},
		{record("erasure", "example", "u", "requested", "--at", "-1x"), "--at"},
		{record("annulment", "example", "u"), "missing argument EVENT_ID"},
		{record("erasure", "example", "u", "requested", "--source", "import"), "--source import needs --at"},
		{record("signals", "example", "u", "--gpc", "--source", "import_crm"), "--source import_crm needs --at"},
		{record("consent", "example", "u", "p", "refused", "--source", "crm_import"), "--source crm_import needs --at"},
		{record("signals", "example", "u"), "gpc dnt"},
		{record("profile", "example", "u"), "jurisdiction"},
		{record("profile", "example", "u", "--age-min", "old"), "--age-min"},
		{[]string{"events", "example", "u", "--limit", "-1"}, "--limit"},
		{[]string{"batch", "testdata/none.json"}, "testdata/none.json"},
		{[]string{"batch", "a", "b"}, "too many arguments"},
		{[]string{"policy", "test"}, "missing argument DIR"},
		{[]string{"policy", "test", "testdata/none"}, "testdata/none"},
		{[]string{"policy", "test", "main.go"}, "no directory"},
		{[]string{"policy", "test", "testdata"}, "no policy files"},
		{[]string{"policy", "test", "testdata", "--threshold", "95"}, "--mutate"},
		{[]string{"policy", "test", "testdata", "--under", "lib"}, "--mutate"},
		{[]string{"policy", "test", "testdata", "--cases", "testdata/none"}, "testdata/none"},
		{[]string{"policy", "init"}, "missing argument DIR"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			got := execute("127.0.0.1:1", "", test.args...)
			if got.code != exitError || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q", got.code, got.stdout)
			}
			if strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "consentctl: ") ||
				!strings.Contains(got.stderr, test.names) {
				t.Errorf("stderr %q, want one line with %q", got.stderr, test.names)
			}
		})
	}
}
