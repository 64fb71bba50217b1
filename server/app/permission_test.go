package app_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/authn"
)

const mailerGrants = `grants:
  - {callers: ["key:mailer"], actions: [check, record], controllers: [example], purposes: [marketing_email]}
`

// TestAKeyIsBoundToItsPurposes: a key of the mailer's, through the real sockets: what it may, and what not.
func TestAKeyIsBoundToItsPurposes(t *testing.T) {
	dir, key := t.TempDir(), apikey.New()
	digest := sha256.Sum256([]byte(key))
	keys, grants := filepath.Join(dir, "keys.yaml"), filepath.Join(dir, "grants.yaml")
	put(t, keys, "- id: mailer\n  sha256: "+hex.EncodeToString(digest[:])+"\n")
	put(t, grants, mailerGrants)
	s := start(t, app.Config{Callers: authn.Config{APIKeys: keys}, Access: access.Config{File: grants}})
	conn := dial(t, s.GRPCAddr(), insecure.NewCredentials())
	ctx := bearing(t.Context(), key)
	decisions, consents := consentv1.NewDecisionServiceClient(conn), consentv1.NewConsentServiceClient(conn)
	check := func(ctx context.Context, controller, subject, purpose string) error {
		_, err := decisions.Check(ctx, &consentv1.CheckRequest{Controller: controller, SubjectId: subject, Purpose: purpose})
		return err
	}
	withdraw := func(purpose string) error {
		withdrawal := &consentv1.ConsentEvent{Purpose: purpose, Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN}
		_, err := consents.RecordEvents(ctx, &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "known", Events: []*consentv1.Event{{
				Id: "w" + purpose, OccurredAt: timestamppb.Now(), Source: "unsubscribe_link",
				Kind: &consentv1.Event_Consent{Consent: withdrawal},
			}},
		})
		return err
	}
	read := func(subject string) error {
		_, err := consents.GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: "example", SubjectId: subject})
		return err
	}
	for name, row := range map[string]struct {
		err  error
		want codes.Code
	}{
		"its purpose":             {check(ctx, "example", "s", "marketing_email"), codes.OK},
		"another purpose":         {check(ctx, "example", "s", "ai_training"), codes.PermissionDenied},
		"another controller":      {check(ctx, "jasminai", "s", "marketing_email"), codes.PermissionDenied},
		"no such controller":      {check(ctx, "nobody", "s", "marketing_email"), codes.PermissionDenied},
		"nobody":                  {check(t.Context(), "example", "s", "marketing_email"), codes.Unauthenticated},
		"another's key":           {check(bearing(t.Context(), apikey.New()), "example", "s", "marketing_email"), codes.Unauthenticated},
		"a withdrawal":            {withdraw("marketing_email"), codes.OK},
		"of another purpose":      {withdraw("ai_training"), codes.PermissionDenied},
		"reads somebody":          {read("known"), codes.PermissionDenied},
		"reads nobody":            {read("unknown"), codes.PermissionDenied},
		"reads the policies":      {policyRevision(ctx, conn), codes.PermissionDenied},
		"a subject that is wrong": {check(ctx, "example", "", "marketing_email"), codes.InvalidArgument},
	} {
		if status.Code(row.err) != row.want {
			t.Errorf("%s: %v, want %v", name, row.err, row.want)
		}
	}
	if a, b := read("known"), read("unknown"); a.Error() != b.Error() {
		t.Errorf("a known subject is told from an unknown one: %v, %v", a, b)
	}
	stream, err := decisions.CheckStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	result := func(purpose string) codes.Code {
		err := stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{
			Id: 1, Check: &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: purpose},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return codes.Code(m.GetResults()[0].GetError().GetCode())
	}
	if a, b := result("marketing_email"), result("ai_training"); a != codes.OK || b != codes.PermissionDenied {
		t.Errorf("on a stream: %v, %v", a, b)
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTPAddr()+"/metrics", nil)
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("metrics: %d", answer.StatusCode)
	}
	if err := os.WriteFile(grants, []byte(strings.Replace(mailerGrants, "marketing_email", "ai_training", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); result("marketing_email") != codes.PermissionDenied; {
		if time.Now().After(deadline) {
			t.Fatal("the right that the file took away goes on, on a stream under way")
		}
	}
}
