package servertest_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/caller/token/tokentest"
	"github.com/consentd/consentd/server/servertest"
)

// forged is what a forger wants to read as a line of its own.
const forged = "\n{\"msg\":\"forged\",\"outcome\":\"OK\"}\ntime=2026-01-01T00:00:00Z level=ERROR msg=forged\n"

// TestHostileText: whatever callers name things, a line of the log, of the audit and of the decision log stays one, and
// none has a credential; and metrics get no series by what callers make up.
func TestHostileText(t *testing.T) {
	lines, text := &logged{}, &logged{}
	decisions, issuer := filepath.Join(t.TempDir(), "decisions.jsonl"), tokentest.New(t, "k1", "ES256")
	jwks := file(t, "jwks.json", string(tokentest.Set(issuer)))
	g := startGuarded(t, servertest.Options{
		Logger:      slog.New(slog.NewMultiHandler(slog.NewJSONHandler(lines, nil), slog.NewTextHandler(text, nil))),
		DecisionLog: decisionlog.Config{Sink: decisions},
		Configure: func(c *app.Config) {
			c.Callers.Token = token.Config{Issuer: "https://idp.test", Audience: "consentd", JWKS: jwks}
		},
	}, "")
	stranger := issuer.Signed(t, map[string]any{"alg": "ES256", "kid": "k" + forged}, tokentest.Claims(time.Now(), nil))
	ctx := metadata.AppendToOutgoingContext(bearing(t.Context(), g.owner), "x-request-id", `r","forged":"1`)
	if _, err := g.Decisions.Check(bearing(t.Context(), stranger), aCheck); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a key that is not there: %v", err) // it is logged, as others soon after are not
	}
	g.makeUp(t, 1)
	before := g.series(t)
	g.makeUp(t, 100)
	if after := g.series(t); after > before+10 {
		t.Errorf("%d series, %d before names were made up", after, before)
	}
	for name, err := range map[string]error{
		"a person": subject("example")(ctx, g.Server), // audited
		"a person's name": func() error {
			_, err := g.Consents.GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "s" + forged})
			return err
		}(),
		"a person checked": func() error {
			_, err := g.Decisions.Check(ctx, &consentv1.CheckRequest{Controller: "example", SubjectId: "s" + forged, Purpose: "ai_training"})
			return err
		}(),
		"a controller": func() error { return subject("x"+forged)(ctx, g.Server) }(),
		"a policy's file": func() error {
			_, err := g.Policies.ActivatePolicy(ctx, &consentv1.ActivatePolicyRequest{Files: []*consentv1.PolicyFile{
				{Path: "a" + forged + ".rego", Content: []byte("package x" + forged)},
			}})
			return err
		}(),
	} {
		if c := status.Code(err); c == codes.Internal || c == codes.Unknown {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	acts, err := os.ReadFile(filepath.Join(g.DataDir, "audit", "acts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	decided, err := os.ReadFile(decisions)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"log": lines.lines.String(), "acts": string(acts), "decisions": string(decided)} {
		expectWholeLines(t, name, content)
		if !strings.Contains(content, "forged") {
			t.Errorf("%s: what was forged is not told of: the test says little", name)
		}
	}
	for line := range strings.Lines(text.lines.String()) {
		if strings.HasPrefix(line, "{") || strings.Contains(line, " msg=forged") && strings.HasPrefix(line, "time=2026-01-01") {
			t.Errorf("the log in text has a line that is forged: %s", line)
		}
	}
	for name, content := range map[string]string{"JSON": lines.lines.String(), "text": text.lines.String(), "acts": string(acts)} {
		if strings.Contains(content, g.owner) || strings.Contains(content, strings.Split(stranger, ".")[2]) {
			t.Errorf("the %s has a credential", name)
		}
	}
}

// expectWholeLines fails unless each line is one JSON object that the server made.
func expectWholeLines(t *testing.T, name, content string) {
	t.Helper()
	for line := range strings.Lines(content) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			t.Errorf("%s: a line that is none: %v: %s", name, err, line)
		}
		if members["msg"] == "forged" || members["forged"] != nil || len(members) == 2 && members["outcome"] == "OK" {
			t.Errorf("%s: a line that is forged: %s", name, line)
		}
	}
}

// makeUp names n controllers, purposes, methods, keys and requests that are not there.
func (g *guarded) makeUp(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("made_up_%d_%d", n, i)
		ctx := metadata.AppendToOutgoingContext(bearing(t.Context(), g.owner), "x-request-id", name)
		for _, r := range []*consentv1.CheckRequest{
			{Controller: name, SubjectId: name, Purpose: "ai_training"}, {Controller: "example", SubjectId: name, Purpose: name},
		} {
			_, _ = g.Decisions.Check(ctx, r)
		}
		if err := g.Conn.Invoke(ctx, "/consent.v1.DecisionService/"+name, aCheck, aCheck); status.Code(err) != codes.Unimplemented {
			t.Errorf("a method that is not there: %v", err)
		}
		if _, err := g.Decisions.Check(bearing(t.Context(), apikey.New()), aCheck); status.Code(err) != codes.Unauthenticated {
			t.Errorf("a key that is not there: %v", err)
		}
		_, _ = said(t, g.HTTPAddr, requestOf("GET /"+name))
	}
}

// series is how many /metrics shows.
func (g *guarded) series(t *testing.T) (n int) {
	t.Helper()
	codes, all := said(t, g.HTTPAddr, requestOf("GET /metrics", "Authorization: Bearer "+g.owner))
	if !slices.Equal(codes, []int{200}) {
		t.Fatalf("metrics: %v", codes)
	}
	for line := range strings.Lines(all) {
		if strings.HasPrefix(line, "consentd_") || strings.HasPrefix(line, "grpc_") {
			n++
		}
	}
	return n
}
