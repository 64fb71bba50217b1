package grpcapi_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// A line of a call's log names its request: as the caller does, by the caller's trace, or by an id of its own.
func TestLogLinesNameTheRequest(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	made := `[0-9a-f]{32}`
	for name, row := range map[string]struct {
		headers []string
		want    string
	}{
		"named by the caller":      {[]string{"x-request-id", "req-17/a=b", "traceparent", trace}, "req-17/a=b"},
		"named by the trace":       {[]string{"traceparent", trace}, "0af7651916cd43dd8448eb211c80319c"},
		"not named":                {nil, made},
		"an empty name":            {[]string{"x-request-id", ""}, made},
		"a name with a space":      {[]string{"x-request-id", "a level=ERROR"}, made},
		"a name that is too long":  {[]string{"x-request-id", strings.Repeat("a", 129)}, made},
		"as long as it may be":     {[]string{"x-request-id", strings.Repeat("a", 128)}, strings.Repeat("a", 128)},
		"two names":                {[]string{"x-request-id", "a", "x-request-id", "b"}, made},
		"a trace that is nonsense": {[]string{"traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}, made},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &fake{check: func(context.Context, *consent.Request, authz.Consistency) (consent.Decision, error) {
				return consent.Decision{}, errors.New("broken")
			}})
			ctx := metadata.NewOutgoingContext(t.Context(), metadata.Pairs(row.headers...))
			if _, err := checkAs(ctx, s); status.Code(err) != codes.Internal {
				t.Fatal(err)
			}
			line := regexp.MustCompile(`(?m)^.*msg="call failed" method=/consent.v1.DecisionService/Check error=broken request_id="?(` +
				row.want + `)"? caller_kind=anonymous$`)
			if !line.MatchString(s.log.String()) {
				t.Errorf("no line matches %s:\n%s", line, s.log.String())
			}
		})
	}
}
